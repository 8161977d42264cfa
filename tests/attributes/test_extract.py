"""Values of products and texts: unique, in canonical order, and the same from field and title."""

from hypothesis import given
from hypothesis import strategies as st

from gram_jax.attributes.extract import AttributeExtractor
from gram_jax.attributes.gazetteer import Gazetteer
from gram_jax.attributes.gazetteer_building import GazetteerSettings, build_gazetteer
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.core.records import Product
from gram_jax.testing.tiny_catalog import tiny_shop

_SCHEMA = AttributeSchema.load()
_GAZETTEER = build_gazetteer(tiny_shop().products, _SCHEMA, settings=GazetteerSettings(
    min_value_products=1, min_head_products=1, min_word_products=2))
_EXTRACTOR = AttributeExtractor(_SCHEMA, _GAZETTEER)


def test_a_field_and_a_title_give_one_value():
    gazetteer = Gazetteer({"chrome": "color"})
    extractor = AttributeExtractor(_SCHEMA, gazetteer)
    by_field = extractor.of_product(Product("p", "tap", {"material": ("Chrome",)}))
    assert by_field == extractor.of_text("a chrome tap") == (("color", "chrome"),)


def test_fields_of_no_type_are_left_out():
    product = Product("p", "tap", {"warehouse": ("shelf 3",), "brand": ("Moen", "Delta Moen")})
    values = AttributeExtractor(_SCHEMA, Gazetteer({})).of_product(product)
    assert values == (("brand", "delta moen"), ("brand", "moen"))


def test_types_outside_the_schema_are_left_out():
    schema = AttributeSchema(("brand",))
    extractor = AttributeExtractor(schema, Gazetteer({"red": "color", "moen": "brand"}))
    assert extractor.of_text("red moen 12 in") == (("brand", "moen"),)


@given(st.lists(st.sampled_from(["nike", "red", "running", "shoes", "kitchen", "sink", "18", "v",
                                 "x", "20", "steel"]), max_size=8))
def test_values_are_unique_and_in_canonical_order(parts):
    values = _EXTRACTOR.of_text(" ".join(parts))
    assert len({value for _, value in values}) == len(values)
    ranks = [(_SCHEMA.rank[attribute], value) for attribute, value in values]
    assert ranks == sorted(ranks)


def test_every_product_of_the_tiny_shop_has_its_fields():
    for product in tiny_shop().products:
        found = {value for _, value in _EXTRACTOR.of_product(product)}
        assert product.attributes["category"][0] in found
