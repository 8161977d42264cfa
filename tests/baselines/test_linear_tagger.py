"""The linear tagger learns what its features show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.attributes.annotations import annotate
from gram_jax.attributes.tags import TagSet
from gram_jax.baselines.linear_tagger import LinearTagger, _begun, word_context_features
from gram_jax.text.word_places import word_places

TEXTS = [annotate(str(number), "s", f"{brand} shoe, {color}", [("brand", brand), ("color", color)])
         for number, (brand, color) in enumerate(
             (brand, color) for brand in ("Nike", "Puma", "Air Co") for color in ("red", "blue"))]


def test_it_learns_and_generalises_by_place():
    pytest.importorskip("pycrfsuite", reason="python-crfsuite (extra 'baselines') is absent")
    tagger = LinearTagger.train(TEXTS, TagSet(("brand", "color")), l1=0.0)
    for text in TEXTS:
        assert tagger.tag(text.text) == text.spans
    found = tagger.tag("Asics shoe, red")
    assert [(span.start, span.end, span.attribute) for span in found] == [
        (0, 5, "brand"), (12, 15, "color")]
    assert tagger.tag("") == ()


@given(st.lists(st.integers(0, 4)))
def test_what_continues_nothing_begins(tags):
    spans = TagSet(("brand", "color")).spans_of(_begun(map(str, tags)))
    covered = [at for start, end, _ in spans for at in range(start, end)]
    assert covered == [at for at, tag in enumerate(tags) if tag]


def test_every_word_has_features_of_its_own_and_of_its_neighbours():
    text = "Nike 8.5 shoe"
    first, second, _ = word_context_features(text, word_places(text))
    assert "w=nike" in first and "1w=8.5" in first and "-1w=<end>" in first
    assert "-1pair=8.5 nike" in second and "s=number" in second
