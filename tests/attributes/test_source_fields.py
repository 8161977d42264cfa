"""Every name of a public source is mapped: onto a type that exists, or onto none by reason."""

import gzip
import json
from pathlib import Path

import pytest

from gram_jax.attributes.schema import AttributeSchema
from gram_jax.attributes.source_fields import load_source_fields, source_fields
from gram_jax.core.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "gram_jax" / "attributes" / "source_fields.json"
DATA = ROOT.parent / "shared" / "data" / "attributes"
QUERY_NER = ["UoM", "color", "condition", "content", "core_product_type", "creator", "department",
             "material", "modifier", "occasion", "origin", "price", "product_name",
             "product_number", "quantity", "shape", "time"]


def test_every_type_exists_and_every_name_without_one_has_a_reason():
    types = AttributeSchema.load().rank
    for source, row in json.loads(FILE.read_text()).items():
        assert row["types"].keys() <= types.keys(), source
        assert all(len(reason) > 10 for reason in row["none"].values()), source
    for source, fields in load_source_fields().items():
        assert fields.source == source and fields.type_of_name


def test_all_types_of_queryner_are_mapped():
    fields = source_fields("queryner")
    assert sorted(fields.type_of_name) == sorted(QUERY_NER)
    assert all(fields.type_of(name) for name in QUERY_NER)


def test_every_name_met_in_the_annotated_titles_is_mapped():
    if not DATA.is_dir():
        pytest.skip("the annotated titles are not beside the project")
    met = set()
    for path in DATA.glob("*.jsonl.gz"):
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            met |= {(row["source"], name) for row in map(json.loads, stream)
                    for name in row["attributes"]}
    assert len(met) > 100
    for source, name in met:
        source_fields(source).type_of(name)  # raises for a name without a decision
    known = {(source, name) for source in ("oa-mine", "ae-110k", "wdc_pave")
             for name in source_fields(source).type_of_name}
    assert known == met, "names that no row has"


def test_an_unknown_source_or_name_is_refused():
    with pytest.raises(ConfigError, match=r"Known: .*oa-mine"):
        source_fields("nobody")
    with pytest.raises(KeyError):
        source_fields("oa-mine").type_of("Colour of money")
