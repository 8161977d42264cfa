"""One spelling for each brand: what case, spaces, 'and' and legal forms tell apart is one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.attributes.brands import BrandSpellings, brand_key, learn_brands
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.attributes.term_counts import count_terms
from gram_jax.core.errors import ArtifactError
from gram_jax.core.records import Product

_SCHEMA = AttributeSchema.load()
_WORDS = st.sampled_from(["black", "decker", "de", "walt", "and", "inc", "the", "co", "ge", "x"])


def _learned(*brands, titles=()):
    products = [Product(f"b{at}", "box", {"brand": (brand,)}) for at, brand in enumerate(brands)]
    products += [Product(f"t{at}", title, {}) for at, title in enumerate(titles)]
    return learn_brands(count_terms(products, _SCHEMA))


def test_the_commonest_spelling_stands_for_all():
    brands = _learned("DEWALT", "Dewalt", "De Walt", "DEWALT Inc.", "Black+Decker",
                      "black & decker", "Black and Decker Corp.")
    assert brands.spellings == {"dewalt", "black decker"}
    assert {brands.spelling(brand) for brand in ("de walt", "dewalt inc", "the dewalt co ltd")} \
        == {"dewalt"}
    assert brands.spelling("black and decker") == "black decker"


def test_what_a_letter_tells_apart_stays_apart():
    brands = _learned("Acme", "Acne", "Acme", "Acne", "On E", "One", "On E", "One")
    assert len(brands.spellings) == 4 and not brands.variants


def test_titles_lend_spellings_that_fields_do_not_have():
    brands = _learned("Hotpoint", "Hotpoint", "Hotpoint", "Sun Joe", "Sun Joe",
                      titles=["Hot Point oven", "hot point stove", "Sunjoe", "Sunjoe", "Sunjoe"])
    assert brands.variants == {"hot point": "hotpoint"}


def test_guessed_spellings_lead_back_to_their_brand():
    brands = _learned("Sun Joe", "Sun Joe", "DEWALT", "DEWALT")
    assert brands.looked_for() == {"sunjoe": "sun joe", "sun and joe": "sun joe"}
    assert {brands.spelling(form) for form in brands.looked_for()} == {"sun joe"}


@given(st.lists(st.lists(_WORDS, min_size=1, max_size=4).map(" ".join), max_size=8))
def test_spelling_is_a_fixed_point_and_keeps_the_key(names):
    brands = _learned(*names, *names)
    for name in names:
        spelling = brands.spelling(name)
        assert brands.spelling(spelling) == spelling
        assert brand_key(spelling) == brand_key(name)
    for form, brand in brands.looked_for().items():
        assert brands.spelling(form) == brand


def test_saved_spellings_read_back(tmp_path):
    brands = _learned("DEWALT", "Dewalt", "De Walt", "Ünique", "Ünique")
    brands.save(tmp_path / "brands.json")
    assert BrandSpellings.load(tmp_path / "brands.json") == brands


@pytest.mark.parametrize("content", [
    "{", "[]", '{"spellings": ["De Walt"], "variants": {}}',
    '{"spellings": ["dewalt", "de walt"], "variants": {}}',
    '{"spellings": [], "variants": {"a": "b"}}'])
def test_damaged_file_is_refused(tmp_path, content):
    (tmp_path / "brands.json").write_text(content, encoding="utf-8")
    with pytest.raises(ArtifactError, match="brand spellings"):
        BrandSpellings.load(tmp_path / "brands.json")
