"""A snapshot answers after a round trip as before it, and refuses parts that do not belong."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from gram_jax.codes.code import Code
from gram_jax.codes.code_table import CodeTable
from gram_jax.core.errors import ArtifactError, ConfigError
from gram_jax.core.records import Query
from gram_jax.models.code_score import CodeScoreParams
from gram_jax.models.params import save_params
from gram_jax.retrieval.index import build_index
from gram_jax.retrieval.scoring import ScoringHead
from gram_jax.serving.snapshot import SearchSettings, Snapshot, load_snapshot, save_snapshot
from gram_jax.testing.tiny_catalog import tiny_shop
from gram_jax.testing.tiny_model import tiny_config, tiny_params
from gram_jax.text.vocabulary import SentencePieceVocabulary, train_vocabulary

SEARCH = SearchSettings(beam_size=4, batch_size=2, max_query_length=8)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory) -> Snapshot:
    products = tiny_shop().products
    postings: dict[Code, list[int]] = {}
    for place, product in enumerate(products):
        for values in product.attributes.values():
            value = values[0].lower()
            postings.setdefault(Code(value, (("modifier", value),)), []).append(place)
    table = CodeTable.build(postings, [product.product_id for product in products])
    path = tmp_path_factory.mktemp("vocabulary") / "v.model"
    train_vocabulary([product.title for product in products] + [c.text for c in table.codes],
                     vocab_size=400, path=path)
    vocabulary = SentencePieceVocabulary.load(path)
    config = tiny_config(vocabulary.vocab_size)
    params = tiny_params(config)
    index = build_index(table, vocabulary, config, params, [p.title for p in products],
                        batch_size=16, max_product_length=16)
    weights = CodeScoreParams(np.array([-1, -2, -.5], np.float32), np.array([0, .5, 1], np.float32))
    return Snapshot(config, params, vocabulary, index, ScoringHead("log_prob_sum", "sum", weights),
                    SEARCH, {product.product_id: product.title for product in products})


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
