"""A snapshot answers after a round trip as before it, and refuses parts that do not belong."""

import dataclasses
import json
import shutil

import pytest

from gram_jax.core.errors import ArtifactError, ConfigError
from gram_jax.core.records import Query
from gram_jax.models.params import save_params
from gram_jax.serving.snapshot import SearchSettings, load_snapshot, save_snapshot
from gram_jax.testing.tiny_model import tiny_params


@pytest.fixture
def folder(snapshot, tmp_path):
    folder = tmp_path / "snapshot"
    folder.mkdir()
    save_snapshot(folder, snapshot)
    return folder


def test_what_is_loaded_answers_like_what_was_saved(snapshot, folder):
    loaded = load_snapshot(folder)
    for text in ("red running shoe", "zzz", "shoe " * 30):
        before, after = (s.answer(Query("q", text), k=5) for s in (snapshot, loaded))
        assert before == after and 0 < len(before.products) <= 5
        codes = {code for code, _ in before.codes}
        for found in before.products:
            assert found.code in codes and found.title == snapshot.titles[found.product_id]


def test_a_missing_or_damaged_part_is_refused(folder, tmp_path):
    for name in ("snapshot.json", "titles.json", "params.npz", "vocabulary.model"):
        broken = tmp_path / f"broken.{name}"
        shutil.copytree(folder, broken)
        (broken / name).write_bytes((broken / name).read_bytes()[:40])
        with pytest.raises(ArtifactError):
            load_snapshot(broken)


def test_parameters_of_another_training_are_refused(snapshot, folder):
    save_params(folder / "params.npz", tiny_params(snapshot.config, seed=5))
    with pytest.raises(ArtifactError):
        load_snapshot(folder)


def test_another_vocabulary_is_refused(folder):
    fields = json.loads((folder / "snapshot.json").read_text())
    fields["vocabulary_digest"] = "0" * 16
    (folder / "snapshot.json").write_text(json.dumps(fields))
    with pytest.raises(ArtifactError, match=r"vocabulary\.model"):
        load_snapshot(folder)


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(SearchSettings)])
def test_sizes_are_positive(name):
    with pytest.raises(ConfigError, match=name):
        SearchSettings(**{name: 0})
