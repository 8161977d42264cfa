"""What becomes of a value: brand spelling, then synonym, then families, with the trail kept."""

from hypothesis import given
from hypothesis import strategies as st

from gram_jax.attributes.brands import BrandSpellings
from gram_jax.attributes.families import Families
from gram_jax.attributes.gazetteer import Gazetteer
from gram_jax.attributes.rules import Change, Result, Rules
from gram_jax.attributes.synonyms import Merge, Synonyms

_FAMILIES = Families({"color": {"navy": "blue"}, "material": {"oak": "wood"}})


def _rules(attribute_of, merges=(), brands=None):
    return Rules.build(Gazetteer(attribute_of), brands or BrandSpellings(),
                       Synonyms(tuple(merges)), _FAMILIES)


def test_rules_apply_in_order_and_leave_their_trail():
    brands = BrandSpellings(frozenset(["dewalt"]), {"de walt": "dewalt"})
    rules = _rules({"dewalt": "brand"}, [Merge("dewalt", "dw", "brand")], brands)
    assert rules.results("brand", "de walt") == (Result("brand", "dw", (
        Change("brand", "de walt", "dewalt"), Change("synonym", "dewalt", "dw"))),)


def test_a_family_stands_beside_its_member_under_its_own_type():
    rules = _rules({"navy": "color", "blue": "color"})
    assert rules.results("color", "navy") == (
        Result("color", "navy"), Result("color", "blue", (Change("family", "navy", "blue"),)))
    assert rules.results("brand", "navy") == (Result("brand", "navy"),)


def test_a_synonym_brings_what_its_representative_is_made_of():
    rules = _rules({"running shoe": "category", "shoe": "category"},
                   [Merge("sneaker", "running shoe", "category")])
    assert [result.value for result in rules.results("category", "sneaker")] == [
        "running shoe", "shoe"]
    assert [span.value for span in rules.gazetteer.match("red sneakers")] == ["sneaker"]


def test_what_a_rule_replaces_is_looked_for_under_the_type_of_what_replaces_it():
    brands = BrandSpellings(frozenset(["sun joe", "frost king"]), {"joe sun": "sun joe"})
    rules = _rules({"sun joe": "brand", "frost king": "brand", "pram": "modifier",
                    "stroller": "category"}, [Merge("pram", "stroller", "category")], brands)
    assert rules.gazetteer.attribute_of["sunjoe"] == "brand"
    assert rules.gazetteer.attribute_of["joe sun"] == "brand"
    assert rules.gazetteer.attribute_of["pram"] == "category"


_NAMES = ["a1", "b1", "a1 b1", "navy", "blue", "oak"]


@given(st.dictionaries(st.sampled_from(_NAMES), st.sampled_from(["color", "category", "brand"])),
       st.lists(st.tuples(st.sampled_from(_NAMES), st.sampled_from(_NAMES)), max_size=5),
       st.sampled_from(_NAMES))
def test_results_are_unique_and_the_first_result_is_its_own(attribute_of, pairs, value):
    rules = _rules(attribute_of, [Merge(one, other, "color", "learned") for one, other in pairs
                                  if one != other])
    results = rules.results(attribute_of.get(value, "color"), value)
    values = [result.value for result in results]
    assert len(set(values)) == len(values) > 0
    assert rules.results(*results[0][:2])[0][:2] == results[0][:2]
    for result in results:
        assert not result.changes or result.changes[-1].after == result.value
