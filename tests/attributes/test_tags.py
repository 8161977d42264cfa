"""Tags and spans are two ways to write one thing."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.attributes.tags import TagSet

TAG_SET = TagSet(("brand", "category", "color"))


@st.composite
def spans(draw):
    cuts = draw(st.lists(st.integers(0, 30), unique=True, min_size=2, max_size=9).map(sorted))
    return [(start, end, draw(st.sampled_from(TAG_SET.types)))
            for start, end in itertools.pairwise(cuts) if draw(st.booleans())]


@given(spans())
def test_spans_survive_being_tags(given_spans):
    tags = TAG_SET.tags_of(given_spans, 31)
    assert TAG_SET.spans_of(tags) == given_spans
    pairs = zip([TAG_SET.num_tags, *tags], tags)
    assert all(TAG_SET.allowed[before, tag] for before, tag in pairs)


@given(st.lists(st.integers(0, TAG_SET.num_tags - 1), max_size=12))
def test_spans_exist_exactly_where_every_step_is_allowed(tags):
    steps = zip([TAG_SET.num_tags, *tags], tags)
    valid = all(TAG_SET.allowed[before, tag] for before, tag in steps)
    if valid:
        assert TAG_SET.tags_of(TAG_SET.spans_of(tags), len(tags)).tolist() == tags
    else:
        with pytest.raises(ValueError, match="continues no span"):
            TAG_SET.spans_of(tags)


@pytest.mark.parametrize("wrong", [[(0, 0, "brand")], [(2, 5, "brand")],
                                   [(0, 2, "brand"), (1, 3, "color")]])
def test_spans_that_are_empty_outside_or_overlap_are_refused(wrong):
    with pytest.raises(ValueError, match="span"):
        TAG_SET.tags_of(wrong, 4)


def test_neighbouring_spans_of_one_type_stay_apart():
    tags = TAG_SET.tags_of([(0, 1, "color"), (1, 3, "color")], 3)
    np.testing.assert_array_equal(tags, [5, 5, 6])
