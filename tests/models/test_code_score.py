"""The heads against the method's text, written out token by token."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gram_jax.models.code_score import (
    HEADS,
    CodeEvidence,
    CodeScoreParams,
    code_score,
    jensen_shannon_terms,
    margin_loss,
)

PARAMS = CodeScoreParams(jnp.array([-1.0, -0.5, 2.0]), jnp.array([0.1, 0.0, -0.3]))


def evidence(seed, pairs=6, length=4):
    rng = np.random.default_rng(seed)
    return CodeEvidence(
        query_token_log_probs=-rng.exponential(2.0, (pairs, length)),
        product_token_log_probs=-rng.exponential(2.0, (pairs, length)),
        mask=np.arange(length) < rng.integers(1, length + 1, (pairs, 1)),
        granularity=rng.integers(0, 3, pairs),
    )


def score(head, params, found):
    return code_score(
        head,
        params,
        found.query_token_log_probs,
        found.product_token_log_probs,
        found.mask,
        found.granularity,
    )


def in_python(head, params, found):
    """S(q, t | c) of method section 4, one pair after the other."""
    scores = []
    for pair in range(len(found.granularity)):
        cost = 0.0
        for i in np.flatnonzero(found.mask[pair]):
            q = math.exp(found.query_token_log_probs[pair, i])
            t = math.exp(found.product_token_log_probs[pair, i])
            if head == "jensen_shannon":
                cost += q * math.log(2 * q / (q + t)) + t * math.log(2 * t / (q + t))
            else:
                cost -= math.log(q) + math.log(t)
        g = found.granularity[pair]
        scores.append(float(params.granularity_weights[g]) * cost
                      + float(params.granularity_bias[g]))
    return np.array(scores)


@pytest.mark.parametrize(("product", "expected"), [(0.2, 0.0), (0.01, 0.105), (0.9, 0.241)])
def test_the_term_has_the_values_that_the_method_quotes(product, expected):
    term = jensen_shannon_terms(jnp.log(0.2), jnp.log(product), jnp.array(True))
    np.testing.assert_allclose(term, expected, atol=5e-4)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**31), head=st.sampled_from(sorted(HEADS)))
def test_scores_equal_the_reading_in_plain_python(seed, head):
    found = evidence(seed)
    expected = in_python(head, PARAMS, found)
    np.testing.assert_allclose(score(head, PARAMS, found), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("head", sorted(HEADS))
def test_masked_tokens_change_nothing(head):
    found = evidence(0)
    noise = jnp.where(found.mask, 0.0, -np.inf)
    disturbed = CodeEvidence(
        found.query_token_log_probs + noise,
        found.product_token_log_probs + noise,
        found.mask,
        found.granularity,
    )
    np.testing.assert_array_equal(score(head, PARAMS, found), score(head, PARAMS, disturbed))


def test_untrained_log_prob_sum_is_the_plain_sum():
    found = evidence(1)
    plain = ((found.query_token_log_probs + found.product_token_log_probs) * found.mask).sum(-1)
    np.testing.assert_allclose(
        score("log_prob_sum", CodeScoreParams.initial(), found), plain, rtol=1e-5
    )


@pytest.mark.parametrize("head", sorted(HEADS))
def test_impossible_tokens_give_a_finite_score(head):
    impossible = jnp.array([-jnp.inf, -jnp.inf, 0.0])
    other = jnp.array([-jnp.inf, 0.0, -jnp.inf])
    found = code_score(head, PARAMS, impossible, other, jnp.ones(3, bool), jnp.array(0))
    assert np.isfinite(found)


def test_an_unknown_head_names_the_known_ones():
    with pytest.raises(ValueError, match=r"'cosine'.*jensen_shannon.*log_prob_sum"):
        score("cosine", PARAMS, evidence(0))


@pytest.mark.parametrize("head", sorted(HEADS))
def test_margin_loss_is_the_mean_hinge_of_score_differences(head):
    positives, negatives = evidence(2), evidence(3)
    gaps = in_python(head, PARAMS, negatives) - in_python(head, PARAMS, positives)
    expected = np.maximum(0.0, gaps + 0.3).mean()
    found = margin_loss(PARAMS, head, positives, negatives, 0.3)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_pairs_beyond_the_margin_cost_nothing_and_teach_nothing():
    positives = evidence(4)
    negatives = CodeEvidence(
        positives.query_token_log_probs - 5.0,
        positives.product_token_log_probs - 5.0,
        positives.mask,
        positives.granularity,
    )
    loss, gradient = jax.value_and_grad(margin_loss)(
        CodeScoreParams.initial(), "log_prob_sum", positives, negatives, 1.0
    )
    assert loss == 0.0
    assert all((leaf == 0.0).all() for leaf in jax.tree.leaves(gradient))


@pytest.mark.parametrize("head", sorted(HEADS))
def test_gradients_equal_finite_differences_in_float64(head):
    with jax.enable_x64(True):
        positives, negatives = evidence(5, pairs=20), evidence(6, pairs=20)
        start = np.array([-1.0, -0.5, 2.0, 0.1, 0.0, -0.3])

        def loss(vector):
            params = CodeScoreParams(vector[:3], vector[3:])
            return margin_loss(params, head, positives, negatives, 0.25)

        gradient = jax.grad(loss)(jnp.asarray(start))
        assert gradient.dtype == jnp.float64
        for i, nudge in enumerate(np.eye(6) * 1e-6):
            slope = (loss(start + nudge) - loss(start - nudge)) / 2e-6
            np.testing.assert_allclose(gradient[i], slope, atol=1e-7)


def test_no_gradient_flows_into_the_probabilities():
    positives, negatives = evidence(7), evidence(8)

    def loss(log_probs):
        changed = CodeEvidence(
            log_probs, positives.product_token_log_probs, positives.mask, positives.granularity
        )
        return margin_loss(PARAMS, "jensen_shannon", changed, negatives, 1.0)

    assert (jax.grad(loss)(jnp.asarray(positives.query_token_log_probs)) == 0.0).all()
