"""The schema: sixteen types, fields by many names, files that are refused with a remedy."""

import json

import pytest

from gram_jax.attributes.schema import AttributeSchema
from gram_jax.core.errors import InputError


def test_shipped_schema_has_the_methods_types_in_order():
    schema = AttributeSchema.load()
    assert len(schema.names) == 16
    assert schema.names[:3] == ("brand", "category", "series")
    assert [schema.rank[name] for name in schema.names] == list(range(16))


def test_fields_are_found_by_alias_whatever_their_spelling():
    schema = AttributeSchema.load()
    for field in ("colour", "Product Color", "COLOR_FAMILY", "color"):
        assert schema.type_of_field(field) == "color"
    assert schema.type_of_field("voltage") == "technical_specification"
    assert schema.type_of_field("warehouse shelf") is None


def test_saved_schema_reads_back(tmp_path):
    schema = AttributeSchema(("maker", "kind"), {"maker": ("brand",)})
    schema.save(tmp_path / "schema.json")
    read = AttributeSchema.load(tmp_path / "schema.json")
    assert read.names == schema.names and read.type_of_field("Brand") == "maker"


@pytest.mark.parametrize("content", [
    "[]", "{", '{"attributes": [{}]}', '{"attributes": []}', '{"attributes": ["brand"]}',
    json.dumps({"attributes": [{"name": "a", "aliases": ["b"]}, {"name": "b"}]})])
def test_what_is_no_schema_is_refused_with_its_path(tmp_path, content):
    path = tmp_path / "schema.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="schema"):
        AttributeSchema.load(path)


def test_missing_schema_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot read"):
        AttributeSchema.load(tmp_path / "none.json")
