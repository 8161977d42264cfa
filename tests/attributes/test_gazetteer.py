"""Matching against a brute-force reading of leftmost-longest, and files that read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.attributes.gazetteer import Gazetteer
from gram_jax.attributes.spans import Span
from gram_jax.core.errors import ArtifactError

_WORDS = st.sampled_from(["red", "kitchen", "sink", "steel", "ge", "cafe", "box"])
_VALUES = st.lists(_WORDS, min_size=1, max_size=3).map(" ".join)
_TYPES = st.sampled_from(["brand", "category", "color", "modifier"])


def _brute_force(attribute_of, text_words):
    """Every window that is a value; keep leftmost-longest ones and what may live inside them."""
    windows = [Span(start, end, attribute_of[value], value)
               for start in range(len(text_words)) for end in range(start + 1, len(text_words) + 1)
               if (value := " ".join(text_words[start:end])) in attribute_of]
    outer, at = [], 0
    while any(span.start >= at for span in windows):
        left = min(span.start for span in windows if span.start >= at)
        outer.append(max((span for span in windows if span.start == left),
                         key=lambda span: span.end))
        at = outer[-1].end
    inner = [span for span in windows for big in outer
             if span != big and big.start <= span.start and span.end <= big.end
             and (span.attribute == big.attribute or big.attribute in ("category", "modifier"))]
    return sorted(set(outer + inner))


@given(st.dictionaries(_VALUES, _TYPES, max_size=8), st.lists(_WORDS, max_size=10))
def test_match_is_leftmost_longest_with_what_lives_inside(attribute_of, text_words):
    found = Gazetteer(attribute_of).match(" ".join(text_words))
    assert found == _brute_force(attribute_of, text_words)


def test_heads_are_found_inside_categories_but_brands_keep_their_words():
    gazetteer = Gazetteer({"hampton bay": "brand", "bay": "modifier", "kitchen sink": "category",
                           "sink": "category", "kitchen": "scenario"})
    found = gazetteer.match("Hampton Bay Kitchen Sinks 33 in.")
    assert [(span.attribute, span.value) for span in found] == [
        ("brand", "hampton bay"), ("scenario", "kitchen"), ("category", "kitchen sink"),
        ("category", "sink"), ("technical_specification", "33 in")]


def test_values_out_of_normal_form_are_refused():
    with pytest.raises(ValueError, match="Kitchen Sinks"):
        Gazetteer({"Kitchen Sinks": "category"})


@given(st.dictionaries(_VALUES, _TYPES, max_size=8))
def test_saved_gazetteer_reads_back(tmp_path_factory, attribute_of):
    path = tmp_path_factory.mktemp("gazetteer") / "gazetteer.json"
    Gazetteer(attribute_of).save(path)
    assert Gazetteer.load(path).attribute_of == attribute_of


@pytest.mark.parametrize("content", ["{", "[]", '{"brand": ["Not Normal"]}', '{"brand": 3}'])
def test_damaged_file_is_refused(tmp_path, content):
    path = tmp_path / "gazetteer.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ArtifactError, match="gazetteer"):
        Gazetteer.load(path)
