"""What enters a gazetteer: frequent field values, category heads, telling words of titles."""

from gram_jax.attributes.gazetteer_building import GazetteerSettings, build_gazetteer
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.core.records import Product

_SCHEMA = AttributeSchema.load()
_LOOSE = GazetteerSettings(min_value_products=2, min_head_products=2, min_word_products=2,
                           max_word_share=1.0, min_pair_products=3, min_pair_share=0.5)


def _products(*rows):
    return [Product(f"p{at}", title, {name: (value,) for name, value in fields.items()})
            for at, (title, fields) in enumerate(rows)]


def test_field_values_enter_by_frequency_under_their_commonest_type():
    products = _products(*[("a", {"color": "Chrome"})] * 3, *[("b", {"material": "chrome"})] * 2,
                         ("c", {"brand": "Rare"}))
    found = build_gazetteer(products, _SCHEMA, settings=_LOOSE).attribute_of
    assert found["chrome"] == "color" and "rare" not in found


def test_last_words_of_categories_become_categories():
    products = _products(("a", {"category": "kitchen sink"}), ("b", {"category": "bar sinks"}))
    found = build_gazetteer(products, _SCHEMA, settings=_LOOSE).attribute_of
    assert found == {"sink": "category"}


def test_telling_words_and_pairs_of_titles_become_modifiers():
    products = _products(("cordless drill 18 V", {}), ("cordless saw with 2 in. blade", {}),
                         ("french door", {}), ("wide french door", {}), ("french door 12 in", {}))
    found = build_gazetteer(products, _SCHEMA, settings=_LOOSE).attribute_of
    assert found == dict.fromkeys(["cordless", "french", "door", "french door"], "modifier")


def test_words_in_too_many_titles_tell_nothing():
    products = _products(*[("home box", {})] * 4, ("red box", {}), ("red lamp", {}))
    settings = GazetteerSettings(min_word_products=2, max_word_share=0.5)
    assert build_gazetteer(products, _SCHEMA, settings=settings).attribute_of == {"red": "modifier"}


def test_words_of_queries_help_a_word_of_titles_over_the_floor():
    products = _products(("pergola", {}), ("box", {}), ("lamp", {}))
    settings = GazetteerSettings(min_word_products=2, max_word_share=1.0)
    found = build_gazetteer(products, _SCHEMA, query_texts=["pergola", "gazebo", "gazebo"],
                            settings=settings).attribute_of
    assert found == {"pergola": "modifier"}


def test_a_unit_or_a_letter_alone_is_no_value():
    products = _products(*[("a", {"brand": "Watt"}), ("b", {"brand": "watts"})] * 2,
                         *[("a", {"brand": "S"})] * 3)
    assert build_gazetteer(products, _SCHEMA, settings=_LOOSE).attribute_of == {}
