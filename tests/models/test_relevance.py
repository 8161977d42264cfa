"""The relevance network: padding and neighbours change nothing, it can learn, dropout has a key."""

import dataclasses

import jax
import numpy as np
import pytest

from gram_jax.core.batch import RelevanceBatch
from gram_jax.core.errors import ConfigError
from gram_jax.models.config import RelevanceConfig
from gram_jax.models.params import bind, init_params, load_params, logical_axes, save_params
from gram_jax.models.relevance_objective import relevance_objective

CONFIG = RelevanceConfig(num_ngrams=64, d_model=16, d_ff=16, num_heads=2, head_dim=8)
NUM_WORDS, NGRAMS = 20, 6


@pytest.fixture(scope="module")
def params():
    return init_params(CONFIG, 0)


def batch(seed=0) -> RelevanceBatch:
    rng = np.random.default_rng(seed)
    ngrams = rng.integers(1, CONFIG.num_ngrams, (NUM_WORDS, NGRAMS)).astype(np.int32)
    ngrams[0] = 0
    queries = rng.integers(1, NUM_WORDS, (3, 4)).astype(np.int32)
    products = rng.integers(1, NUM_WORDS, (3, 2, 6)).astype(np.int32)
    queries[0, 2:], products[1, 0, 4:] = 0, 0
    labels = np.tile(np.array([1, 0], np.float32), (3, 1))
    return RelevanceBatch(queries, products, labels, np.ones((3, 2), np.float32), ngrams,
                          rng.random(NUM_WORDS).astype(np.float32), ("a", "b", "c"))


@jax.jit
def logits(params, given, dropout_rng=None):
    model = bind(CONFIG, params)
    return model(model.embed_words(given.word_ngrams), given.word_rarities, given.queries,
                 given.products, dropout_rng=dropout_rng)


def test_more_room_changes_nothing(params):
    given = batch()
    wider = dataclasses.replace(
        given, queries=np.pad(given.queries, ((0, 0), (0, 3))),
        products=np.pad(given.products, ((0, 0), (0, 0), (0, 5))),
        word_ngrams=np.pad(given.word_ngrams, ((0, 7), (0, 0))),
        word_rarities=np.pad(given.word_rarities, (0, 7)))
    np.testing.assert_allclose(logits(params, given), logits(params, wider), atol=1e-5)


def test_a_pair_is_judged_by_itself(params):
    given = batch()
    together = logits(params, given)
    for row in range(3):
        for place in range(2):
            alone = dataclasses.replace(given, queries=given.queries[row:row + 1],
                                        products=given.products[row:row + 1, place:place + 1])
            np.testing.assert_allclose(logits(params, alone)[0, 0], together[row, place],
                                       atol=1e-5)


def test_numbers_of_words_are_only_names(params):
    given = batch()
    order = np.concatenate([[0], 1 + np.random.default_rng(1).permutation(NUM_WORDS - 1)])
    place = np.argsort(order).astype(np.int32)
    renamed = dataclasses.replace(
        given, queries=place[given.queries], products=place[given.products],
        word_ngrams=given.word_ngrams[order], word_rarities=given.word_rarities[order])
    np.testing.assert_allclose(logits(params, given), logits(params, renamed), atol=1e-5)


def test_a_text_without_words_has_a_score(params):
    given = batch()
    empty = dataclasses.replace(given, queries=np.zeros_like(given.queries),
                                products=np.zeros_like(given.products))
    assert np.isfinite(logits(params, empty)).all()
    value, grads = jax.jit(jax.value_and_grad(
        lambda params: relevance_objective(CONFIG)(params, empty, None).loss_sum))(params)
    assert np.isfinite(value) and all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(grads))


def test_the_loss_is_the_cross_entropy_of_each_pair(params):
    given = dataclasses.replace(batch(), weights=np.array([[1, 0.5], [0, 2], [1, 1]], np.float32))
    value = jax.jit(relevance_objective(CONFIG))(params, given, None)
    told = 1 / (1 + np.exp(-np.asarray(logits(params, given), np.float64)))
    expected = -np.where(given.labels == 1, np.log(told), np.log(1 - told))
    np.testing.assert_allclose(value.loss_sum, (expected * given.weights).sum(), rtol=1e-5)
    assert float(value.weight_sum) == 5.5
    right = (told > 0.5) == (given.labels == 1)
    np.testing.assert_allclose(value.metrics["accuracy"], (right * given.weights).sum())


def test_it_learns_what_it_is_shown(params):
    objective, given = relevance_objective(CONFIG), batch()
    step = jax.jit(jax.value_and_grad(lambda params: objective(params, given, None).loss_sum))
    learned = params
    for _ in range(60):
        _, grads = step(learned)
        learned = jax.tree.map(lambda p, g: p - 0.05 * g / (1e-6 + abs(g).max()), learned, grads)
    assert ((logits(learned, given) > 0) == (given.labels > 0)).all()


def test_dropout_is_drawn_from_its_key_alone(params):
    one, again, other = (np.asarray(logits(params, batch(), jax.random.key(seed)))
                         for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


def test_its_parameters_are_saved_and_named_like_every_models(tmp_path, params):
    save_params(tmp_path / "params.npz", params)
    jax.tree.map(np.testing.assert_array_equal, load_params(tmp_path / "params.npz", CONFIG),
                 params)
    assert logical_axes(CONFIG)["encoder"]["layers_0"]["mlp"]["wi_0"]["kernel"] == ("embed", "mlp")


@pytest.mark.parametrize("wrong", [{"d_model": 0}, {"dropout_rate": 1.0}, {"num_ngrams": 1.5},
                                   {"word_dropout_rate": -0.1}, {"num_relative_buckets": 3}])
def test_sizes_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ConfigError, match="RelevanceConfig"):
        dataclasses.replace(CONFIG, **wrong)
