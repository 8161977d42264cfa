"""From clicked pairs it learns to say what shoppers asked, in words that no title has."""

import jax
import numpy as np
import pytest

from gram_jax.baselines.bm25 import BM25Retriever
from gram_jax.baselines.doc2query import expanded_text
from gram_jax.baselines.query_generator import QueryGenerator, QuerySampling
from gram_jax.baselines.query_generator_training import (
    ClickedQueryBatches,
    train_query_generator,
)
from gram_jax.baselines.training import BaselineTraining
from gram_jax.core.clicks import ClickTable
from gram_jax.core.errors import ArtifactError, ConfigError
from gram_jax.core.records import Query
from gram_jax.partitioning.mesh import make_mesh
from gram_jax.testing.tiny_model import tiny_config, tiny_params


@pytest.fixture(scope="module")
def generator(learnable):
    config = tiny_config(learnable.vocabulary.vocab_size)
    return QueryGenerator(config=config, params=tiny_params(config),
                          vocabulary=learnable.vocabulary, max_query_length=12)


@pytest.fixture(scope="module")
def make(learnable, generator):
    def make(*, batch_size=8, seed=0, clicks=learnable.clicks, texts=learnable.query_texts):
        return ClickedQueryBatches(clicks, generator.product_tokens(learnable.product_texts),
                                   generator.query_targets(texts), batch_size=batch_size, seed=seed)

    return make


def test_the_product_is_read_and_the_query_is_said(make, learnable, generator):
    batches, vocabulary = make(), learnable.vocabulary
    for _ in range(6):
        batch = next(batches)
        for number, example_id in enumerate(batch.example_ids):
            query_id, product = example_id.split()
            row = learnable.clicks.query_ids.index(query_id)
            assert learnable.is_clicked(row, int(product))
            targets = batch.decoder_target_tokens[number]
            assert vocabulary.decode([targets.tolist()]) == [learnable.queries[row].text]
            assert targets[int(batch.decoder_loss_weights[number].sum()) - 1] == vocabulary.eos_id
            read = generator.product_tokens([learnable.product_texts[int(product)]])[0]
            length = batch.encoder_input_tokens.shape[1]
            np.testing.assert_array_equal(batch.encoder_input_tokens[number], read[:length])
            assert not read[length:].any()
        np.testing.assert_array_equal(batch.decoder_input_tokens[:, 1:],
                                      batch.decoder_target_tokens[:, :-1])
        assert not batch.decoder_input_tokens[:, 0].any()
        np.testing.assert_array_equal(batch.decoder_loss_weights > 0,
                                      batch.decoder_target_tokens > 0)


def test_every_click_comes_once_an_epoch_and_a_place_can_be_returned_to(make, learnable):
    count = len(learnable.clicks.products)
    whole = make(batch_size=count)
    first, second = (next(whole).example_ids for _ in range(2))
    assert sorted(first) == sorted(second) and first != second and len(set(first)) == count
    batches = make()
    for _ in range(3):
        next(batches)
    place, fresh = batches.position(), make()
    fresh.seek(place)
    for _ in range(4):
        one, other = next(batches), next(fresh)
        jax.tree.map(np.testing.assert_array_equal, one, other)
        assert one.example_ids == other.example_ids
    with pytest.raises(ArtifactError, match="clicked queries"):
        make(seed=1).seek(place)


def test_what_cannot_be_learned_from_is_refused(make, learnable):
    none = ClickTable.build(*(np.zeros(0, int),) * 3, learnable.clicks.query_ids)
    with pytest.raises(ConfigError, match="no train query"):
        make(clicks=none)
    with pytest.raises(ConfigError, match="batch_size is 0"):
        make(batch_size=0)
    with pytest.raises(ValueError, match="targets of 1 queries"):
        make(texts=["sink"])


def test_shoppers_words_are_learned_and_make_products_findable(make, learnable, generator,
                                                               tmp_path):
    pytest.importorskip("orbax.checkpoint", reason="needs the extra 'train'")
    from gram_jax.training.optimizers import adamw
    from gram_jax.training.schedules import warmup_constant

    training = BaselineTraining(optimizer=adamw(warmup_constant(peak=0.02)), num_steps=200, seed=0,
                                checkpoint_every=1000)
    trained = train_query_generator(generator, make(), training, folder=tmp_path,
                                    mesh=make_mesh(data=1, devices=jax.devices()[:1]))
    found = trained.generate(learnable.product_texts, QuerySampling(num_queries=8), batch_size=12)
    asked = [{learnable.queries[row].text for row in learnable.clicks.rows[
        learnable.clicks.products == place]} for place in range(len(found))]
    right = [text in texts for queries, texts in zip(found, asked) for text in queries]
    assert np.mean(right) > 0.8

    shop = learnable.shop
    expanded = BM25Retriever(shop.products, text_of=expanded_text(
        dict(zip(shop.product_ids, found))))
    (plain,), (ranked,) = (list(retriever.retrieve([Query("q", "sneaker")], k=5))
                           for retriever in (BM25Retriever(shop.products), expanded))
    assert plain.product_ids == () and set(ranked.product_ids) == {"p01", "p03"}
