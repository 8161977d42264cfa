"""QueryNER's labels meet the words of the ESCI queries they were given for."""

import json

import pytest

from gram_jax.catalog.datasets.queryner import LABELS, LabelledQuery, read_queryner
from gram_jax.core.errors import ConfigError, InputError
from gram_jax.testing.official_files import write_esci


@pytest.fixture
def folder(tmp_path):
    return write_esci(tmp_path)


def read(folder, part="train"):
    return read_queryner(folder / "queryner", folder, part, verify_checksums=False)


def test_labels_and_words(folder):
    assert read(folder) == [LabelledQuery("1", "red shoe", ("red", "shoe"),
                                          ("B-color", "B-core_product_type"))]
    assert read(folder, "dev")[0].words == ("trail", "shoe")
    assert read(folder, "test")[0].query_id == "5"
    assert len(LABELS) == 35


@pytest.mark.parametrize("row, said", [
    ({"example_id": 0, "labels": ["O"]}, "1 labels for the 2 words"),
    ({"example_id": 999, "labels": ["O"]}, "no example 999"),
    ({"example_id": 0, "labels": ["B-colour", "O"]}, "B-colour"),
    ({"example_id": 0, "labels": "O O"}, "labels"),
    ({"labels": ["O", "O"]}, "example_id"),
])
def test_what_does_not_fit_is_refused(folder, row, said):
    (folder / "queryner" / "train.jsonl").write_text(json.dumps(row) + "\n")
    with pytest.raises(InputError, match=said) as caught:
        read(folder)
    assert caught.value.path == folder / "queryner" / "train.jsonl" and caught.value.remedy


def test_missing_files_and_parts(folder):
    with pytest.raises(ConfigError, match="dev"):
        read(folder, "tune")
    (folder / "queryner" / "dev.jsonl").unlink()
    with pytest.raises(InputError, match="offset-splits"):
        read(folder, "dev")
    with pytest.raises(InputError, match="not the published file"):
        read_queryner(folder / "queryner", folder, "train")
