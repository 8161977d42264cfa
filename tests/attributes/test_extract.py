"""Values of products and texts: unique, in canonical order, and the same from field and title."""

import multiprocessing
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.attributes.brands import learn_brands
from gram_jax.attributes.extract import AttributeExtractor
from gram_jax.attributes.families import Families
from gram_jax.attributes.gazetteer import Gazetteer
from gram_jax.attributes.gazetteer_building import GazetteerSettings, build_gazetteer
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.attributes.spelling import learn_spelling
from gram_jax.attributes.synonyms import Merge, Synonyms
from gram_jax.attributes.term_counts import count_terms
from gram_jax.core.errors import ArtifactError
from gram_jax.core.records import Product
from gram_jax.testing.tiny_catalog import tiny_shop

_SCHEMA = AttributeSchema.load()
_GAZETTEER = build_gazetteer(tiny_shop().products, _SCHEMA, settings=GazetteerSettings(
    min_value_products=1, min_head_products=1, min_word_products=2))
_COUNTS = count_terms(tiny_shop().products * 10, _SCHEMA)
_EXTRACTOR = AttributeExtractor(
    _SCHEMA, _GAZETTEER, learn_brands(_COUNTS), learn_spelling(_COUNTS),
    Synonyms((Merge("sneaker", "running shoe", "category"),)), Families.load())
_ODD = ["قميص أحمر nike", "נעלי ריצה", "赤いランニングシューズ nike", "कमीज लाल",
        "👟 shoe \u200d 👟",
        "e\u0301\u0301", "\u0301 \u202eekin\u202c", "\x00\ud800 nike", "nike " * 2000, "a" * 10_000,
        "6 6 6 6", "x 3 x", "&#0;", "1½ ¾ ²", "", " \t"]


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


def _held(findings):
    return {result.value for finding in findings for result in finding.results}


_TEXTS = st.one_of(st.sampled_from(_ODD), st.text(max_size=40), st.lists(st.sampled_from(
    ["nike", "nkie", "sneakers", "kitchensink", "navy", "stainless", "steel", "12 ga.", "pack of 6",
     "de", "walt", "drill", "&", "18v", "קמיץ"]), max_size=8).map(" ".join))


@given(_TEXTS)
def test_an_explanation_shows_exactly_what_is_extracted(text):
    findings = list(_EXTRACTOR.explain_text(text))
    assert _held(findings) == {value for _, value in _EXTRACTOR.of_text(text)}
    for finding in findings:
        assert finding.surface and finding.end > finding.start >= 0
        for result in finding.results:
            rules = [change for change in result.changes if change.rule != "spelling"]
            assert all(change.before != change.after for change in result.changes)
            assert [finding.normal, *(change.after for change in rules)] == [
                *(change.before for change in rules), result.value]


@given(_TEXTS, _TEXTS)
def test_products_are_explained_by_the_same_path(title, value):
    product = Product("p", title, {"color": (value, "Navy"), "shelf": ("3",)})
    findings = list(_EXTRACTOR.explain_product(product, tagged=[("style", value)]))
    assert _held(findings) == {value for _, value in _EXTRACTOR.of_product(
        product, tagged=[("style", value)])}
    assert all(finding.surface for finding in findings if finding.results)


@given(_TEXTS)
def test_queries_differ_from_products_in_spelling_alone(text):
    unspelled = AttributeExtractor(_SCHEMA, _GAZETTEER, _EXTRACTOR.brands,
                                   synonyms=_EXTRACTOR.synonyms, families=_EXTRACTOR.families)
    assert unspelled.of_text(text) == _EXTRACTOR.of_product(Product("p", text, {}))


def test_rules_are_applied_and_told():
    extractor = AttributeExtractor(
        _SCHEMA, Gazetteer({"shoe": "category"}), spelling=learn_spelling(_COUNTS),
        synonyms=Synonyms((Merge("running shoe", "sneaker", "category"),)))
    (whole, _) = extractor.explain_text("Red runing Shoes!")
    assert (whole.surface, whole.start, whole.end) == ("runing shoes", 1, 3)
    assert whole.results[0][:2] == ("category", "sneaker")
    assert [change[:2] for change in whole.results[0].changes] == [
        ("spelling", "runing"), ("synonym", "running shoe")]


def test_a_tagged_span_is_a_value_and_types_what_no_field_types():
    tagged = [("series", "Zoom Fly 3"), ("color", "red"), ("brand", "!")]
    values = _EXTRACTOR.of_text("zoom fly 3", tagged=tagged)
    assert {("series", "zoom fly 3"), ("color", "red")} <= set(values)
    extractor = AttributeExtractor(_SCHEMA, Gazetteer({"cozy": "modifier", "red": "color"}))
    values = extractor.of_text("cozy red", tagged=[("style", "cozy"), ("brand", "red")])
    assert values == (("style", "cozy"), ("color", "red"))


def test_odd_products_pass_through():
    fields = {f"field {at}": ("x", "nike") for at in range(250)}
    fields |= {"color": tuple(f"shade {at}" for at in range(250))}
    product = Product("p", "\n".join(_ODD), fields)
    values = _EXTRACTOR.of_product(product)
    assert len(values) > 250 and ("brand", "nike") in values


def test_phrases_are_what_is_no_value_but_may_mean_one():
    assert _EXTRACTOR.phrases("red zzyzx nkie big wig for dogs 12 in running shoes") == (
        "zzyzx", "big", "big wig", "wig", "dog")


def test_an_extractor_goes_to_other_processes_and_to_disk(tmp_path):
    texts = ["nkie sneakers", "12 ga. steel", *_ODD]
    here = [_EXTRACTOR.of_text(text) for text in texts]
    assert [pickle.loads(pickle.dumps(_EXTRACTOR)).of_text(text) for text in texts] == here
    _EXTRACTOR.save(tmp_path / "attributes")
    loaded = AttributeExtractor.load(tmp_path / "attributes")
    assert loaded == _EXTRACTOR and [loaded.of_text(text) for text in texts] == here
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(_EXTRACTOR.of_text, texts[:2]) == here[:2]


@pytest.mark.parametrize("name", ["gazetteer.json", "brands.json", "spelling.json"])
def test_a_folder_that_lacks_a_file_is_refused(tmp_path, name):
    _EXTRACTOR.save(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(ArtifactError, match=name):
        AttributeExtractor.load(tmp_path)
