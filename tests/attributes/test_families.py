"""Families: what ships is in normal form, typed and without circles."""

import json

import pytest

from gram_jax.attributes.families import Families
from gram_jax.attributes.normalize import normalize_value
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.core.errors import InputError

_SHIPPED = Families.load()


def test_families_that_ship_are_of_known_types_and_in_normal_form():
    assert _SHIPPED.family_of.keys() <= set(AttributeSchema.load().names)
    for members in _SHIPPED.family_of.values():
        for member, family in members.items():
            assert normalize_value(member) == member != family == normalize_value(family)


def test_members_have_their_family_under_their_type_only():
    assert _SHIPPED.family("color", "navy") == "blue"
    assert _SHIPPED.family("material", "oak") == "wood"
    assert _SHIPPED.family("material", "stainless steel") == "steel"
    assert _SHIPPED.family("material", "steel") == "metal"
    assert _SHIPPED.family("brand", "navy") is None and _SHIPPED.family("color", "blue") is None


def test_saved_families_read_back(tmp_path):
    _SHIPPED.save(tmp_path / "families.json")
    assert Families.load(tmp_path / "families.json") == _SHIPPED


def test_members_may_be_written_as_people_write(tmp_path):
    path = tmp_path / "families.json"
    path.write_text('{"color": {"Blues": ["Navy Blues"]}}', encoding="utf-8")
    assert Families.load(path).family("color", "navy blue") == "blue"


@pytest.mark.parametrize(("families", "problem"), [
    ({"color": {"blue": ["navy"], "black": ["navy"]}}, "two families"),
    ({"color": {"a1": ["b1"], "b1": ["a1"]}}, "its own family"),
    ({"color": {"blue": [3]}}, "not families"), ({"color": []}, "not families"),
    ({"color": {"blue": ["!"]}}, "normal form"), ([], "not families")])
def test_what_is_no_family_is_refused_with_its_path(tmp_path, families, problem):
    path = tmp_path / "families.json"
    path.write_text(json.dumps(families), encoding="utf-8")
    with pytest.raises(InputError, match=problem) as error:
        Families.load(path)
    assert str(path) in str(error.value) and "Remedy" in str(error.value)


def test_missing_families_are_refused(tmp_path):
    with pytest.raises(InputError, match="cannot read"):
        Families.load(tmp_path / "none.json")
