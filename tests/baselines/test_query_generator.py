"""What a product gets depends on it alone, and a killed run goes on where it was."""

import dataclasses

import numpy as np
import pytest

from gram_jax.baselines import query_generator
from gram_jax.baselines.query_generator import QueryGenerator, QuerySampling
from gram_jax.core.errors import ArtifactError, ConfigError
from gram_jax.testing.tiny_model import tiny_config, tiny_params
from gram_jax.text.normal_form import normalize_text

SAMPLING = QuerySampling(num_queries=3, seed=1)
TEXTS = ["Nike Air Max", "", "Kohler kitchen sink", "cotton bath towel set white", "drill"]


@pytest.fixture(scope="module")
def generator(learnable):
    config = tiny_config(learnable.vocabulary.vocab_size)
    return QueryGenerator(config=config, params=tiny_params(config),
                          vocabulary=learnable.vocabulary, max_query_length=7,
                          max_product_length=16)


@pytest.fixture(scope="module")
def queries(generator):
    return generator.generate(TEXTS, SAMPLING, batch_size=4)


def test_a_product_is_read_behind_the_prompt_and_a_query_is_said_up_to_its_end(generator):
    vocabulary, (row, nothing) = generator.vocabulary, generator.product_tokens(["Nike  Air", " "])
    assert row.shape == (16,) and not nothing.any()
    assert vocabulary.decode([row.tolist()]) == ["query of product: nike air"]
    targets = generator.query_targets(["Red shoe", "red shoe " * 9, ""])
    assert targets.shape == (3, 7) and targets[2].tolist() == [vocabulary.eos_id] + [0] * 6
    assert vocabulary.decode([targets[0].tolist()]) == ["red shoe"]
    assert targets[1, -1] == vocabulary.eos_id and (targets[1] > 0).all()


def test_each_text_gets_queries_in_normal_form_and_nothing_gets_none(queries):
    assert len(queries) == len(TEXTS) and queries[1] == ()
    assert all(1 <= len(found) <= 3 for place, found in enumerate(queries) if place != 1)
    assert all(text and text == normalize_text(text) for found in queries for text in found)
    assert queries[0] != queries[2]


def test_texts_beside_it_and_the_size_of_batches_change_nothing(generator, queries):
    others = [*TEXTS[:1], "another", *TEXTS[2:3]]
    assert [generator.generate(others, SAMPLING, batch_size=4)[place] for place in (0, 2)] == [
        queries[0], queries[2]]
    assert generator.generate(TEXTS, SAMPLING, batch_size=2) == queries
    again = dataclasses.replace(SAMPLING, seed=2)
    assert generator.generate(TEXTS, again, batch_size=4) != queries


def test_the_most_probable_alone_is_always_the_same(generator):
    found = generator.generate(TEXTS, dataclasses.replace(SAMPLING, top_k=1), batch_size=4)
    assert all(len(set(texts)) <= 1 for texts in found)


def test_a_killed_run_goes_on_and_another_does_not_take_it_up(generator, queries, tmp_path,
                                                             monkeypatch):
    assert generator.generate(TEXTS, SAMPLING, batch_size=4, folder=tmp_path) == queries
    monkeypatch.setattr(query_generator, "sample", None)  # nothing is drawn again
    assert generator.generate(TEXTS, SAMPLING, batch_size=4, folder=tmp_path) == queries
    with pytest.raises(TypeError):
        generator.generate(TEXTS, dataclasses.replace(SAMPLING, temperature=0.5), batch_size=4,
                           folder=tmp_path)


def test_a_loaded_generator_is_the_saved_one(generator, queries, tmp_path):
    generator.save(tmp_path)
    loaded = QueryGenerator.load(tmp_path)
    assert loaded.generate(TEXTS, SAMPLING, batch_size=4) == queries
    assert {path.suffix for path in tmp_path.iterdir()} == {".npz", ".json", ".model"}
    (tmp_path / "model.json").write_text('{"config": {}, "settings": {}}')
    with pytest.raises(ArtifactError, match="train the model again"):
        QueryGenerator.load(tmp_path)


def test_what_makes_no_sense_is_refused(generator):
    for setting in ({"num_queries": 0}, {"top_k": 0}, {"temperature": 0.0}, {"seed": -1}):
        with pytest.raises(ConfigError, match="temperature"):
            QuerySampling(**setting)
    with pytest.raises(ConfigError, match="2 at least"):
        dataclasses.replace(generator, max_query_length=1)
    few = dataclasses.replace(generator, config=dataclasses.replace(generator.config,
                                                                    output_vocab_size=4))
    with pytest.raises(ConfigError, match="among the texts that are generated"):
        few.query_targets(["red shoe"])
    assert np.array_equal(few.query_targets([]), np.zeros((0, 7)))
