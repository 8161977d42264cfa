"""The learned head and its loss against their equations, written out in NumPy."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gram_jax.models.learned_score import (
    FEATURE_GROUPS,
    EmbeddingMaps,
    LearnedScoreParams,
    features_of,
    learned_score,
    listwise_loss,
)


def drawn_params(seed, num_features=5, hidden_size=4):
    rng = np.random.default_rng(seed)

    def draw(*shape):
        return rng.normal(0, 1, shape).astype(np.float32)

    return LearnedScoreParams(
        draw(num_features), np.abs(draw(num_features)) + 0.5, draw(num_features),
        draw(num_features, hidden_size), draw(hidden_size), draw(hidden_size), None,
        features_of(["code"])[:num_features], 100)


def drawn_lists(seed, queries=4, candidates=6):
    rng = np.random.default_rng(seed)
    exists = rng.random((queries, candidates)) < 0.8
    gains = rng.integers(0, 3, exists.shape).astype(np.float64)
    return rng.normal(0, 3, exists.shape), gains, exists


def in_numpy(scores, gains, exists):
    """The mean over queries with a gain of -sum_i g_i / sum g ln softmax(s)_i."""
    losses = []
    for score, gain, found in zip(scores, gains, exists):
        score, gain = score[found], gain[found]
        if gain.sum() > 0:
            shares = np.exp(score - score.max()) / np.exp(score - score.max()).sum()
            losses.append(-(gain / gain.sum() * np.log(shares)).sum())
    return np.mean(losses) if losses else 0.0


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 100_000), st.sampled_from([0, 1, 7]))
def test_the_score_is_linear_and_one_hidden_layer_of_standardised_features(seed, hidden_size):
    params = drawn_params(seed, hidden_size=hidden_size)
    features = np.random.default_rng(seed).normal(0, 2, (2, 5, 9)).astype(np.float32)
    normal = np.moveaxis((features - params.mean[:, None]) / params.scale[:, None], 1, 2)
    hidden = np.maximum(normal @ params.hidden_weights + params.hidden_bias, 0)
    np.testing.assert_allclose(learned_score(params, features),
                               normal @ params.linear + hidden @ params.output,
                               rtol=1e-4, atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 100_000))
def test_the_loss_is_the_cross_entropy_of_softmax_and_graded_gains(seed):
    scores, gains, exists = drawn_lists(seed)
    np.testing.assert_allclose(listwise_loss(scores, gains, exists),
                               in_numpy(scores, gains, exists), rtol=1e-4, atol=1e-5)


def test_the_gradient_of_the_loss_equals_finite_differences_in_float64():
    with jax.enable_x64(True):
        scores, gains, exists = drawn_lists(3)
        gradient = np.asarray(jax.grad(listwise_loss)(jnp.asarray(scores), gains, exists))
        for place in np.ndindex(scores.shape):
            nudge = np.zeros_like(scores)
            nudge[place] = 1e-6
            slope = (in_numpy(scores + nudge, gains, exists)
                     - in_numpy(scores - nudge, gains, exists)) / 2e-6
            np.testing.assert_allclose(gradient[place], slope, atol=1e-7)


def test_the_loss_is_least_where_scores_are_the_log_of_the_gains():
    gains = np.array([[4.0, 2.0, 1.0, 1.0]])
    exists = np.ones_like(gains, bool)
    gradient = jax.grad(listwise_loss)(jnp.log(gains), gains, exists)
    np.testing.assert_allclose(gradient, 0, atol=1e-6)


@pytest.mark.parametrize("gains", [np.zeros((2, 3)), np.ones((2, 3))])
def test_lists_without_candidates_or_gains_cost_nothing_and_have_no_gradient(gains):
    exists = np.zeros((2, 3), bool)
    loss, gradient = jax.value_and_grad(listwise_loss)(jnp.ones((2, 3)), gains, exists)
    assert loss == 0 and (gradient == 0).all()


def test_padding_changes_neither_loss_nor_gradient():
    scores, gains, exists = drawn_lists(5)
    wild = np.where(exists, scores, 1e6)
    for ours, theirs in zip(*(jax.value_and_grad(listwise_loss)(jnp.asarray(array), gains, exists)
                              for array in (scores, wild))):
        np.testing.assert_array_equal(ours, theirs)


def test_initial_parameters_score_everything_alike():
    params = LearnedScoreParams.initial(
        features_of(["code"]), hidden_size=8, num_scored=10, mean=np.zeros(18), scale=np.ones(18),
        maps=None)
    assert (learned_score(params, np.ones((18, 5), np.float32)) == 0).all()
    assert (params.hidden_weights != 0).all()


def test_mapped_embeddings_have_length_one_and_follow_their_side():
    rng = np.random.default_rng(0)
    maps = EmbeddingMaps(*(rng.normal(0, 1, shape).astype(np.float32)
                           for shape in ((6,), (6, 3), (6,), (6, 3))))
    vectors = rng.normal(0, 5, (4, 6)).astype(np.float32)
    for mapped, center, projection in (
            (maps.of_queries(vectors), maps.query_center, maps.query_projection),
            (maps.of_products(vectors), maps.product_center, maps.product_projection)):
        expected = (vectors - center) @ projection
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
        np.testing.assert_allclose(mapped, expected, rtol=1e-4, atol=1e-5)
    assert np.isfinite(maps.of_queries(maps.query_center)).all()


def test_groups_and_features_are_known_by_name():
    every = features_of(FEATURE_GROUPS)
    assert len(set(every)) == len(every)
    assert features_of(["lexical", "code"]) == features_of(["code", "lexical"])
    with pytest.raises(ValueError, match=r"tactile.*code, embedding, lexical"):
        features_of(["tactile"])
    params = drawn_params(0)
    with pytest.raises(ValueError, match="weight"):
        dataclasses.replace(params, features=("weight",))
    with pytest.raises(ValueError, match="twice"):
        dataclasses.replace(params, features=("fine", "fine"))
    with pytest.raises(ValueError, match="maps"):
        dataclasses.replace(params, features=("cosine",))
