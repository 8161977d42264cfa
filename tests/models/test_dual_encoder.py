"""The contrastive loss is DPR's equation, which is read here in NumPy, one query at a time."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.core.batch import ContrastiveBatch
from gram_jax.models.dual_encoder import contrastive_sums, dual_encoder_objective
from gram_jax.models.params import bind
from gram_jax.testing.tiny_model import tiny_config, tiny_params

BATCH, PRODUCTS, SIZE = 3, 2, 4


def read_in_numpy(queries, products, clicked, temperature):
    """-log(exp sim(q, p+) / (exp sim(q, p+) + sum of exp sim(q, p-))), and who comes first."""
    loss, num_first = 0.0, 0
    candidates = [product for row in products for product in row]
    for row, query in enumerate(queries):
        own = row * products.shape[1]
        negatives = [np.dot(query, product) / temperature for place, product
                     in enumerate(candidates) if place != own and not clicked[row, place]]
        positive = np.dot(query, candidates[own]) / temperature
        top = max([positive, *negatives])
        total = np.exp(positive - top) + sum(np.exp(negative - top) for negative in negatives)
        loss += np.log(total) + top - positive
        num_first += all(positive > negative for negative in negatives)
    return loss, num_first


def drawn(seed):
    rng = np.random.default_rng(seed)
    clicked = rng.random((BATCH, BATCH * PRODUCTS)) < 0.3
    clicked[np.arange(BATCH), np.arange(BATCH) * PRODUCTS] = True
    return rng.normal(size=(BATCH, SIZE)), rng.normal(size=(BATCH, PRODUCTS, SIZE)), clicked


sums = jax.jit(contrastive_sums, static_argnames="temperature")


@given(st.integers(0, 10_000), st.sampled_from([0.5, 1.0]))
def test_the_loss_is_the_equation(seed, temperature):
    queries, products, clicked = drawn(seed)
    loss, num_first = sums(*map(np.float32, (queries, products)), clicked, temperature=temperature)
    expected = read_in_numpy(queries, products, clicked, temperature)
    np.testing.assert_allclose(loss, expected[0], rtol=2e-5, atol=1e-5)
    assert num_first == expected[1]


def finite_differences(function, array, step=1e-5):
    """The gradient of a function of float64 numbers, by central differences."""
    gradient = np.zeros_like(array)
    for place in np.ndindex(array.shape):
        values = []
        for sign in (1, -1):
            moved = array.copy()
            moved[place] += sign * step
            values.append(function(moved))
        gradient[place] = (values[0] - values[1]) / (2 * step)
    return gradient


@pytest.mark.parametrize("seed", range(4))
def test_gradients_are_finite_differences_of_the_equation(seed):
    queries, products, clicked = drawn(seed)
    by_jax = jax.grad(lambda queries, products: sums(queries, products, clicked,
                                                     temperature=0.5)[0], argnums=(0, 1))
    of_queries, of_products = by_jax(*map(np.float32, (queries, products)))
    np.testing.assert_allclose(of_queries, finite_differences(
        lambda moved: read_in_numpy(moved, products, clicked, 0.5)[0], queries), atol=2e-5)
    np.testing.assert_allclose(of_products, finite_differences(
        lambda moved: read_in_numpy(queries, moved, clicked, 0.5)[0], products), atol=2e-5)


def test_a_candidate_that_was_clicked_too_has_no_part_in_the_loss():
    queries, products, clicked = drawn(0)
    clicked[:] = False
    clicked[np.arange(BATCH), np.arange(BATCH) * PRODUCTS] = True
    clicked[:, 3] = True  # the negative of query 1
    gradient = jax.grad(lambda products: sums(np.float32(queries), products, clicked,
                                              temperature=1.0)[0])(np.float32(products))
    assert not gradient[1, 1].any() and gradient[2, 1].any()
    assert np.isfinite(gradient).all()


def test_an_encoder_that_says_the_same_of_all_texts_puts_none_first():
    same = np.ones((BATCH, PRODUCTS, SIZE), np.float32)
    own_only = np.zeros((BATCH, BATCH * PRODUCTS), bool)
    loss, num_first = sums(same[:, 0], same, own_only, temperature=1.0)
    np.testing.assert_allclose(loss, BATCH * np.log(BATCH * PRODUCTS), rtol=1e-6)
    assert num_first == 0


def batch_of(rng, *, batch=4, products=2):
    queries = rng.integers(2, 60, (batch, 5)).astype(np.int32)
    queries[:, 3:] = 0
    clicked = np.zeros((batch, batch * products), bool)
    clicked[np.arange(batch), np.arange(batch) * products] = True
    return ContrastiveBatch(queries, rng.integers(2, 60, (batch, products, 6)).astype(np.int32),
                            clicked)


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
def test_the_objective_compares_means_over_the_encoders_tokens(similarity):
    config, batch = tiny_config(), batch_of(np.random.default_rng(1))
    params = tiny_params(config)
    value = jax.jit(functools.partial(dual_encoder_objective(
        config, temperature=0.5, similarity=similarity), rng=None))(params, batch)

    def vector(tokens):
        tokens = tokens[tokens != 0][None]
        mean = np.asarray(bind(config, params).encode(jnp.asarray(tokens)), np.float64)[0].mean(0)
        return mean / np.linalg.norm(mean) if similarity == "cosine" else mean

    queries = np.stack([vector(row) for row in batch.query_tokens])
    products = np.stack([[vector(row) for row in rows] for rows in batch.product_tokens])
    loss, num_first = read_in_numpy(queries, products, batch.clicked, 0.5)
    np.testing.assert_allclose(value.loss_sum, loss, rtol=1e-4)
    assert value.metrics["accuracy"] == num_first and value.weight_sum == 4


def test_the_decoder_learns_nothing_and_the_encoder_does():
    config, batch = tiny_config(), batch_of(np.random.default_rng(2))
    objective = dual_encoder_objective(config)
    gradient = jax.jit(jax.grad(lambda params: objective(params, batch, None).loss_sum))(
        tiny_params(config))
    assert not any(leaf.any() for leaf in jax.tree.leaves(gradient["decoder"]))
    assert all(leaf.any() for leaf in jax.tree.leaves(gradient["encoder"]))


def test_a_batch_that_was_cut_is_refused():
    config, batch = tiny_config(), batch_of(np.random.default_rng(3))
    half = dataclasses.replace(batch, query_tokens=batch.query_tokens[:2],
                               product_tokens=batch.product_tokens[:2], clicked=batch.clicked[:2])
    with pytest.raises(ValueError, match="cannot be cut"):
        dual_encoder_objective(config)(tiny_params(config), half, None)


@pytest.mark.parametrize("setting", [{"temperature": 0.0}, {"similarity": "euclid"}])
def test_settings_that_make_no_sense_are_refused(setting):
    with pytest.raises(ValueError, match="temperature"):
        dual_encoder_objective(tiny_config(), **setting)
