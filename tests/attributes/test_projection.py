"""Weaker annotations mark what fields and a gazetteer say where the text spells it, no more."""

from gram_jax.attributes.gazetteer import Gazetteer
from gram_jax.attributes.projection import project_fields, project_gazetteer
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.core.records import Product
from gram_jax.testing.tiny_catalog import tiny_shop


def marked(text):
    return [(text.text[span.start:span.end], span.attribute) for span in text.spans]


def test_a_products_own_fields_are_found_in_its_title():
    product = Product("p", "Nike Running Shoes, RED", {
        "brand": ("nike",), "category": ("running shoe",), "colour": ("Red", "blue"),
        "warehouse": ("shoes",)})
    [text] = project_fields([product], AttributeSchema.load())
    assert marked(text) == [("Nike", "brand"), ("Running Shoes", "category"), ("RED", "color")]
    assert text.text_id == "p" and not text.unseen


def test_products_whose_fields_say_nothing_of_the_title_are_left_out():
    products = [Product("p", "a thing", {"brand": ("nike",)}), Product("q", "nike", {}),
                Product("r", "nike", {"warehouse": ("nike",)})]
    assert list(project_fields(products, AttributeSchema.load())) == []


def test_the_longest_value_of_a_gazetteer_wins():
    gazetteer = Gazetteer({"air": "series", "air max": "series", "shoe": "category"})
    texts = [("1", "Air Max shoe"), ("2", "hat")]
    [text] = project_gazetteer(texts, gazetteer)
    assert marked(text) == [("Air Max", "series"), ("shoe", "category")]


def test_every_product_of_the_tiny_shop_is_projected():
    shop = tiny_shop()
    found = {text.text_id: dict(pair[::-1] for pair in marked(text))
             for text in project_fields(shop.products, AttributeSchema.load())}
    assert len(found) == len(shop.products)
    assert found["p01"]["brand"] == "Nike" and found["p01"]["series"] == "Air Max"
