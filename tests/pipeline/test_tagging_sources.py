"""Sources of the tagger: what a shop gives, and that held-out texts are held out everywhere."""

import pytest

from gram_jax.attributes.annotations import annotate
from gram_jax.attributes.gazetteer_building import GazetteerSettings
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.core.errors import ConfigError
from gram_jax.data.tagging_batches import TaggingSource
from gram_jax.pipeline.tagging_report import values_report
from gram_jax.pipeline.tagging_sources import (
    gazetteer_matches,
    hold_out_texts,
    structured_fields,
)
from gram_jax.testing.tiny_catalog import tiny_shop

SCHEMA = AttributeSchema.load()


def marked(source):
    return {text.text_id: {(text.text[span.start:span.end].lower(), span.attribute)
                           for span in text.spans} for text in source.texts}


def test_a_shops_fields_and_gazetteer_mark_its_texts():
    fields = marked(structured_fields(tiny_shop(), SCHEMA))
    assert ("kohler", "brand") in fields["p05"] and len(fields) == 12
    matches = marked(gazetteer_matches(
        tiny_shop(), SCHEMA, gazetteer=GazetteerSettings(min_value_products=1)))
    assert ("moen", "brand") in matches["q:q07"]
    assert not any(name.startswith("q:q1") and name > "q:q10" for name in matches), \
        "tune and test queries are not learned from"


def test_texts_are_taken_evenly_over_the_catalogue():
    found = structured_fields(tiny_shop(), SCHEMA, max_texts=4)
    assert [text.text_id for text in found.texts] == ["p01", "p04", "p07", "p10"]


@pytest.mark.parametrize("source", [structured_fields, gazetteer_matches])
def test_without_a_shop_there_is_nothing_to_make_them_from(source):
    with pytest.raises(ConfigError, match="is made from a shop"):
        source(None, SCHEMA)


def test_a_text_is_held_out_of_every_source():
    texts = tuple(annotate(str(number), "s", f"Shoe {number}", []) for number in range(200))
    same = tuple(annotate(f"x{number}", "s", f"shoe  {number}", []) for number in range(200))
    train, tune = hold_out_texts([TaggingSource("a", texts), TaggingSource("b", same)], 0.2)
    sides = [[{text.text.lower().replace("  ", " ") for text in source.texts} for source in side]
             for side in (train, tune)]
    assert sides[0][0] == sides[0][1] and sides[1][0] == sides[1][1]
    assert not sides[0][0] & sides[1][0] and 20 < len(sides[1][0]) < 60
    train, tune = hold_out_texts([TaggingSource("a", texts)], 0.0)
    assert len(train[0].texts) == 200 and not tune


def test_a_report_counts_what_no_span_shows_as_missed():
    texts = [annotate("1", "s", "red shoe", [("color", "red"), ("brand", "Nike")]),
             annotate("2", "other", "hat", [("category", "hat")])]
    report = values_report(texts, [text.values - text.unseen for text in texts])
    assert report["all"]["micro"]["recall"] == pytest.approx(2 / 3)
    assert report["s"]["unseen"] == 1 and report["other"]["micro"]["f1"] == 1
    assert report["all"]["by_type"]["brand"]["recall"] == 0
    assert values_report([], []) == {}
