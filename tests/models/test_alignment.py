"""Co-alignment: its equations against NumPy, its gradients, and what one step does to both sides.

The NumPy reading below goes pair by pair and loser by loser, with probabilities where the code
under test has log-probabilities.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gram_jax.core.batch import PreferenceBatch
from gram_jax.core.errors import ConfigError
from gram_jax.models.alignment import (
    AlignmentSettings,
    co_alignment_objective,
    multi_label_losses,
    preference_losses,
    shared_prefix,
)
from gram_jax.models.params import bind
from gram_jax.models.teacher_forcing import code_token_log_probs
from gram_jax.testing.tiny_model import tiny_config, tiny_params

AVERAGES = ("probabilities", "log_ratios")
CONFIG = tiny_config(dropout_rate=0.3)
EOS = 1


def drawn(seed, pairs=3, losers=2, length=4, low=-2.0):
    """Random token log-probabilities: winner, losers, and both of the reference; in float64."""
    rng = np.random.default_rng(seed)
    shapes = ((pairs, 2, length), (pairs, 2, losers, length)) * 2
    return [rng.uniform(low, 0, shape) for shape in shapes]


def no_prefix(losers):
    return np.zeros((losers.shape[0], *losers.shape[2:]), bool)


def log_ratio_in_numpy(of_query, of_product, reference_query, reference_product, average):
    """log[pi(c|q,t) / pi_SFT(c|q,t)] of one code from its probabilities on both sides."""
    if average == "probabilities":
        return np.log((np.exp(of_query) + np.exp(of_product)) / 2) \
            - np.log((np.exp(reference_query) + np.exp(reference_product)) / 2)
    return ((of_query - reference_query) + (of_product - reference_product)) / 2


def margin_in_numpy(arrays, pair, loser, beta_w, beta_l, average):
    """The argument of the paper's sigmoid."""
    winner, losers, reference_winner, reference_losers = arrays
    of_winner = log_ratio_in_numpy(
        *(winner[pair, side].sum() for side in (0, 1)),
        *(reference_winner[pair, side].sum() for side in (0, 1)), average)
    of_loser = log_ratio_in_numpy(
        *(losers[pair, side, loser].sum() for side in (0, 1)),
        *(reference_losers[pair, side, loser].sum() for side in (0, 1)), average)
    return beta_w * of_winner - beta_l * of_loser


@settings(max_examples=20)
@given(seed=st.integers(0, 2**31), beta_w=st.floats(0.05, 2), beta_l=st.floats(0.05, 2),
       average=st.sampled_from(AVERAGES))
def test_losses_equal_the_numpy_reading(seed, beta_w, beta_l, average):
    arrays = drawn(seed)
    chosen = AlignmentSettings(beta_w=beta_w, beta_l=beta_l, average=average)
    found = preference_losses(*map(jnp.float32, arrays), no_prefix(arrays[1]), chosen)
    for pair, loser in np.ndindex(3, 2):
        margin = margin_in_numpy(arrays, pair, loser, beta_w, beta_l, average)
        np.testing.assert_allclose(found.margin[pair, loser], margin, atol=2e-5)
        np.testing.assert_allclose(found.loss[pair, loser], -np.log(1 / (1 + np.exp(-margin))),
                                   atol=2e-5)


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("detached", [False, True])
def test_gradients_equal_finite_differences_in_float64(average, detached):
    """Every token's gradient is the slope of those preferences in which it is not detached."""
    with jax.enable_x64(True):
        arrays = drawn(1)
        shared = np.zeros((3, 2, 4), bool)
        shared[0, 1, :2] = shared[2, 0, :1] = True
        chosen = AlignmentSettings(beta_w=0.7, beta_l=0.4, average=average,
                                   detach_shared_prefix=detached)

        @jax.jit
        def losses(winner, losers):
            return preference_losses(winner, losers, *arrays[2:], shared, chosen).loss

        gradients = jax.grad(lambda *policy: losses(*policy).sum(), argnums=(0, 1))(
            *map(jnp.asarray, arrays[:2]))
        for which in (0, 1):
            for index in np.ndindex(arrays[which].shape):
                nudge = [np.zeros_like(array) for array in arrays[:2]]
                nudge[which][index] = 1e-6
                high, low = (losses(*(array + sign * move for array, move in zip(arrays, nudge)))
                             for sign in (1, -1))
                attached = ~shared[:, :, index[-1]] if detached else True
                slope = ((high - low) / 2e-6 * attached).sum()
                np.testing.assert_allclose(gradients[which][index], slope, atol=1e-8)


@pytest.mark.parametrize("average", AVERAGES)
def test_equal_policies_lose_log_2_and_pull_by_half_of_beta_split_between_the_sides(average):
    """At pi = pi_SFT the loss is log 2 and d loss / d log pi(c|side) is -+ beta / 2 * its share."""
    winner, losers, _, _ = (jnp.float32(array) for array in drawn(2))
    chosen = AlignmentSettings(beta_w=0.6, beta_l=0.2, average=average)

    def loss(winner_moved, losers_moved):
        return preference_losses(winner + winner_moved[..., None], losers + losers_moved[..., None],
                           winner, losers, no_prefix(losers), chosen)

    at = jnp.zeros(winner.shape[:2]), jnp.zeros(losers.shape[:3])
    found = loss(*at)
    np.testing.assert_allclose(found.loss, np.log(2), rtol=1e-6)
    np.testing.assert_allclose(found.margin, 0, atol=1e-6)
    of_winner, of_losers = jax.grad(lambda *moved: loss(*moved).loss.sum(), argnums=(0, 1))(*at)

    def shares(log_probs):
        probabilities = np.exp(np.asarray(log_probs, np.float64).sum(-1))
        return probabilities / probabilities.sum(1, keepdims=True) \
            if average == "probabilities" else np.full(probabilities.shape, 0.5)

    # Every token of a code has the code's gradient; a move by 1 moves each of its 4 tokens.
    np.testing.assert_allclose(of_winner, -4 * 2 * 0.6 / 2 * shares(winner), rtol=1e-4)
    np.testing.assert_allclose(of_losers, 4 * 0.2 / 2 * shares(losers), rtol=1e-4)
    expected = (0.6 * shares(winner)[:, :, None] + 0.2 * shares(losers)) / 0.8
    np.testing.assert_allclose(found.side_shares, expected, rtol=1e-4)


def test_the_average_of_probabilities_leaves_the_doubting_side_a_thousandth():
    """At log pi of -9 and -2 the first side gets 0.1 percent of the winner's gradient."""
    winner = jnp.float32([[[-9.0], [-2.0]]])
    for average, share in (("probabilities", 1 / (1 + np.exp(7))), ("log_ratios", 0.5)):
        found = preference_losses(winner, winner[:, :, None], winner, winner[:, :, None],
                            np.zeros((1, 1, 1), bool), AlignmentSettings(average=average))
        np.testing.assert_allclose(found.side_shares[0, 0, 0], share, rtol=1e-4)


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("which", range(4))
def test_extreme_log_probabilities_stay_numbers(average, which):
    arrays = [np.float32(array) for array in drawn(3)]
    arrays[which][:2] = -1e4
    arrays[which][0, 1] = -1e-7
    chosen = AlignmentSettings(beta_w=1.0, beta_l=1.0, average=average)

    def loss(winner, losers):
        return preference_losses(winner, losers, *arrays[2:], no_prefix(losers), chosen).loss.sum()

    def multi_label(winner, losers):
        return multi_label_losses(
            winner.sum(-1)[:, :, None], losers.sum(-1), arrays[2].sum(-1)[:, :, None],
            arrays[3].sum(-1), np.ones((3, 1), bool), np.ones((3, 2), bool), chosen).sum()

    for function in (loss, multi_label):
        value, gradients = jax.value_and_grad(function, argnums=(0, 1))(*arrays[:2])
        assert np.isfinite(value)
        assert all(np.isfinite(gradient).all() for gradient in gradients)


def test_shared_prefix_ends_where_codes_part():
    winner = np.array([[5, 6, 7, EOS, 0]])
    losers = np.array([[[5, 6, EOS, 0, 0], [5, 8, 7, EOS, 0], [8, 6, 7, EOS, 0], [0] * 5]])
    assert shared_prefix(winner, losers)[0].astype(int).tolist() == [
        [1, 1, 0, 0, 0], [1, 0, 0, 0, 0], [0] * 5, [0] * 5]


@pytest.mark.parametrize("average", AVERAGES)
def test_one_right_code_and_one_loser_make_the_multi_label_loss_the_preference(average):
    arrays = [jnp.float32(array) for array in drawn(4, losers=1)]
    chosen = AlignmentSettings(beta_w=0.9, beta_l=0.3, average=average)
    pair = preference_losses(*arrays, no_prefix(arrays[1]), chosen).loss[:, 0]
    winner, losers, reference_winner, reference_losers = (array.sum(-1) for array in arrays)
    found = multi_label_losses(
        winner[:, :, None], losers, reference_winner[:, :, None], reference_losers,
        np.ones((3, 1), bool), np.ones((3, 1), bool), chosen)
    np.testing.assert_allclose(found, pair, rtol=1e-5)


@settings(max_examples=15)
@given(seed=st.integers(0, 2**31), average=st.sampled_from(AVERAGES))
def test_multi_label_losses_equal_the_numpy_reading(seed, average):
    rng = np.random.default_rng(seed)
    right, reference_right = rng.uniform(-8, 0, (2, 4, 2, 3))
    losers, reference_losers = rng.uniform(-8, 0, (2, 4, 2, 5))
    is_right, is_loser = rng.random((4, 3)) < 0.6, rng.random((4, 5)) < 0.6
    is_right[:, 0] = True
    is_loser[3] = False
    chosen = AlignmentSettings(beta_w=0.8, beta_l=0.5, average=average)
    found = multi_label_losses(
        *map(jnp.float32, (right, losers, reference_right, reference_losers)),
        is_right, is_loser, chosen)
    for pair in range(4):
        def reward(log_probs, reference, place, beta, pair=pair):
            return np.exp(beta * log_ratio_in_numpy(*log_probs[pair, :, place],
                                                    *reference[pair, :, place], average))

        against = sum(reward(losers, reference_losers, place, 0.5)
                      for place in np.flatnonzero(is_loser[pair]))
        losses = [-np.log(mine / (mine + against)) for mine in (
            reward(right, reference_right, place, 0.8)
            for place in np.flatnonzero(is_right[pair]))]
        np.testing.assert_allclose(found[pair], np.mean(losses), atol=2e-5)


def test_right_codes_do_not_compete():
    """A right code that becomes more probable takes nothing from another's loss."""
    rng = np.random.default_rng(0)
    right, losers = rng.uniform(-8, 0, (1, 2, 2)), rng.uniform(-8, 0, (1, 2, 3))

    def loss(right):
        return multi_label_losses(right, losers, right * 0, losers * 0, np.ones((1, 2), bool),
                                  np.ones((1, 3), bool), AlignmentSettings())[0]

    gradient = jax.grad(loss)(jnp.float32(right))
    assert (gradient < 0).all()


@pytest.mark.parametrize("wrong", [
    {"beta_w": 0.0}, {"beta_l": -1.0}, {"sft_weight": -0.1}, {"multi_label_weight": -1.0},
    {"average": "sum"}])
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        AlignmentSettings(**wrong)


# With a model.

def code(*tokens, length=5):
    return [*tokens, EOS, *[0] * (length - len(tokens) - 1)]


@jax.jit
def log_probs_of(params, texts, codes):
    return code_token_log_probs(bind(CONFIG, params), texts, codes)


def with_reference(batch, params):
    codes = np.concatenate([batch.winner_tokens[:, None], batch.positive_tokens,
                            batch.loser_tokens], axis=1)
    reference = np.stack([log_probs_of(params, texts, codes)
                          for texts in (batch.query_tokens, batch.product_tokens)], axis=1)
    return dataclasses.replace(batch, reference_log_probs=reference)


def sample(params) -> PreferenceBatch:
    """Two pairs; losers share no, one or two tokens with their winner, and one is missing."""
    rng = np.random.default_rng(0)
    batch = PreferenceBatch(
        query_tokens=rng.integers(2, 64, (2, 4)).astype(np.int32),
        product_tokens=rng.integers(2, 64, (2, 6)).astype(np.int32),
        winner_tokens=np.int32([code(10, 11, 12), code(20, 21)]),
        positive_tokens=np.int32([[code(10, 14)], [[0] * 5]]),
        loser_tokens=np.int32([[code(10, 11, 13), code(30)], [code(20, 22, 23, 24), [0] * 5]]),
        reference_log_probs=np.zeros((2, 2, 4, 5), np.float32),
        weights=np.float32([[1.0, 0.5], [1.0, 0.0]]),
        query_code_tokens=np.int32([[code(10, 11, 12)], [code(20)]]),
        product_code_tokens=np.int32([[code(10)], [code(20, 21)]]))
    return with_reference(batch, params)


@functools.partial(jax.jit, static_argnames="chosen")
def value_of(chosen, params, batch, rng=None):
    return co_alignment_objective(CONFIG, chosen)(params, batch, rng)


def mean_loss(params, chosen, batch):
    value = co_alignment_objective(CONFIG, chosen)(params, batch, None)
    return value.loss_sum / value.weight_sum


gradient_of = jax.jit(jax.grad(mean_loss), static_argnums=1)


def assert_alike(one, other, **tolerance):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, **tolerance), one, other)


def test_the_objective_is_the_equations_on_the_models_log_probabilities():
    params = tiny_params(CONFIG)
    batch = sample(tiny_params(CONFIG, seed=1))
    chosen = AlignmentSettings(beta_w=0.5, beta_l=0.3, multi_label_weight=0.7, sft_weight=0.2)
    value = value_of(chosen, params, batch)
    sides = [np.asarray(log_probs_of(params, texts, np.concatenate(
        [batch.winner_tokens[:, None], batch.positive_tokens, batch.loser_tokens, taught], axis=1)))
        for texts, taught in ((batch.query_tokens, batch.query_code_tokens),
                              (batch.product_tokens, batch.product_code_tokens))]
    policy = np.stack([side[:, :4] for side in sides], axis=1).astype(np.float64)
    reference = batch.reference_log_probs.astype(np.float64)
    arrays = [part for log_probs in (policy, reference)
              for part in (log_probs[:, :, 0], log_probs[:, :, 2:])]
    preference_loss = margin = 0.0
    for pair, loser, weight in ((0, 0, 1.0), (0, 1, 0.5), (1, 0, 1.0)):
        found = margin_in_numpy(arrays, pair, loser, 0.5, 0.3, "probabilities")
        margin += weight * found
        preference_loss += weight * np.log1p(np.exp(-found))
    sft = [-(sides[0][pair, 4].sum() + sides[1][pair, 4].sum()) for pair in (0, 1)]
    is_right, is_loser = np.array([[1, 1], [1, 0]], bool), np.array([[1, 1], [1, 0]], bool)
    multi_label = multi_label_losses(
        *(part.sum(-1) for part in (policy[:, :, :2], policy[:, :, 2:], reference[:, :, :2],
                                    reference[:, :, 2:])), is_right, is_loser, chosen)
    metrics = value.metrics
    np.testing.assert_allclose(value.weight_sum, 2.5)
    np.testing.assert_allclose(metrics["preference_loss"], preference_loss, rtol=1e-5)
    np.testing.assert_allclose(metrics["margin"], margin, rtol=1e-4)
    np.testing.assert_allclose(metrics["sft_loss"], 1.5 * sft[0] + sft[1], rtol=1e-5)
    np.testing.assert_allclose(metrics["multi_label_loss"],
                               1.5 * multi_label[0] + multi_label[1], rtol=1e-5)
    np.testing.assert_allclose(
        value.loss_sum, metrics["preference_loss"] + 0.7 * metrics["multi_label_loss"]
        + 0.2 * metrics["sft_loss"], rtol=1e-6)
    for side, name in enumerate(("query", "product")):
        winner = policy[:, side, 0].sum(-1)
        leads = winner[:, None] - policy[:, side, 2:].sum(-1)
        np.testing.assert_allclose(metrics[f"{name}_log_prob"], 1.5 * winner[0] + winner[1],
                                   rtol=1e-5)
        np.testing.assert_allclose(metrics[f"{name}_lead"], (batch.weights * leads).sum(),
                                   rtol=1e-4, atol=1e-4)
    averaged = np.exp(policy.sum(-1)).mean(1)
    above = averaged[:, :1] > averaged[:, 2:]
    np.testing.assert_allclose(metrics["accuracy"], (batch.weights * above).sum())


@pytest.mark.parametrize("average", AVERAGES)
def test_at_the_reference_the_objective_is_log_2(average):
    params = tiny_params(CONFIG)
    value = value_of(AlignmentSettings(average=average), params, sample(params))
    np.testing.assert_allclose(value.loss_sum / value.weight_sum, np.log(2), rtol=1e-5)
    np.testing.assert_allclose(value.metrics["margin"], 0, atol=1e-5)


@pytest.mark.parametrize("average", AVERAGES)
def test_one_step_raises_every_winner_against_its_losers_on_both_sides(average):
    params = tiny_params(CONFIG)
    whole = sample(params)
    chosen = AlignmentSettings(average=average)
    for pair in (0, 1):
        batch = jax.tree.map(lambda array, pair=pair: array[pair:pair + 1], whole)
        before = value_of(chosen, params, batch)
        gradient = gradient_of(params, chosen, batch)
        after = value_of(
            chosen, jax.tree.map(lambda p, g: p - 0.01 * g, params, gradient), batch)
        assert after.loss_sum < before.loss_sum
        for name in ("query_lead", "product_lead", "margin"):
            assert after.metrics[name] > before.metrics[name], name


def test_a_detached_prefix_gets_exactly_no_gradient():
    """The gradient reaches no shared token, and only those are left out."""
    params = tiny_params(CONFIG)
    batch = sample(params)
    shared = np.asarray(shared_prefix(batch.winner_tokens, batch.loser_tokens))
    policy = jnp.asarray(batch.reference_log_probs)

    def loss(policy, detached):
        found = preference_losses(policy[:, :, 0], policy[:, :, 2:], *(
            batch.reference_log_probs[:, :, codes] for codes in (0, slice(2, None))), shared,
            AlignmentSettings(detach_shared_prefix=detached))
        return (found.loss * batch.weights).sum()

    detached, whole = (np.asarray(jax.grad(loss)(policy, way)) for way in (True, False))
    assert shared.sum() == 3
    for pair, loser in ((0, 0), (1, 0)):
        prefix = shared[pair, loser]
        of_loser = detached[pair, :, 2 + loser]
        assert (of_loser[:, prefix] == 0).all() and (of_loser[:, ~prefix] != 0).all()
        assert (whole[pair, :, 2 + loser] != 0).all()
    assert (detached[1, :, 0, shared[1, 0]] == 0).all(), "the winner's side of it is detached too"
    # The first winner's other loser shares nothing with it, and reaches all of its tokens.
    assert (detached[0, :, 0] != 0).all()


def test_weights_scale_what_a_preference_counts():
    params, other = tiny_params(CONFIG), tiny_params(CONFIG, seed=1)
    batch = sample(other)
    chosen = AlignmentSettings(multi_label_weight=0.5, sft_weight=0.1)
    value = value_of(chosen, params, batch)
    doubled = value_of(chosen, params, dataclasses.replace(batch, weights=2 * batch.weights))
    assert_alike(doubled, jax.tree.map(lambda total: 2 * total, value), rtol=1e-6)
    alone = np.float32([[0, 0], [1, 0]])
    only_second = value_of(chosen, params, dataclasses.replace(batch, weights=alone))
    second = value_of(chosen, params, jax.tree.map(lambda array: array[1:], batch))
    assert_alike(only_second, second, rtol=2e-5, atol=1e-6)


def test_padding_codes_change_nothing():
    """Losers, positives and taught codes that are not there leave value and gradient as they are.
    """
    params, other = tiny_params(CONFIG), tiny_params(CONFIG, seed=1)
    batch = sample(other)
    none = np.zeros((2, 3, 5), np.int32)
    padded = with_reference(dataclasses.replace(
        batch, loser_tokens=np.concatenate([batch.loser_tokens, none], axis=1),
        positive_tokens=np.concatenate([batch.positive_tokens, none], axis=1),
        query_code_tokens=np.concatenate([batch.query_code_tokens, none], axis=1),
        product_code_tokens=np.concatenate([batch.product_code_tokens, none], axis=1),
        weights=np.pad(batch.weights, ((0, 0), (0, 3)))), other)
    chosen = AlignmentSettings(multi_label_weight=0.5, sft_weight=0.1)
    assert_alike(*(value_of(chosen, params, one) for one in (padded, batch)), rtol=1e-5,
                 atol=1e-6)
    assert_alike(*(gradient_of(params, chosen, one) for one in (padded, batch)), rtol=1e-3,
                 atol=1e-6)


def test_sums_of_pieces_add_up_and_dropout_is_off():
    params, batch = tiny_params(CONFIG), sample(tiny_params(CONFIG, seed=1))
    chosen = AlignmentSettings(sft_weight=0.1)
    whole = value_of(chosen, params, batch, jax.random.key(0))
    assert_alike(whole, value_of(chosen, params, batch))
    first, second = (value_of(chosen, params, jax.tree.map(lambda array, rows=rows: array[rows],
                                                           batch))
                     for rows in (slice(0, 1), slice(1, 2)))
    assert_alike(jax.tree.map(lambda a, b: a + b, first, second), whole, rtol=1e-5, atol=1e-5)


def test_the_sft_term_alone_learns_the_mined_codes_by_heart():
    params = tiny_params(CONFIG)
    batch = sample(params)
    chosen = AlignmentSettings(sft_weight=1.0)

    @jax.jit
    def descend(params):
        def step(_, params):
            return jax.tree.map(lambda p, g: p - 0.1 * g, params,
                                jax.grad(mean_loss)(params, chosen, batch))

        return jax.lax.fori_loop(0, 200, step, params)

    before, after = (value_of(chosen, tree, batch).metrics["sft_loss"]
                     for tree in (params, descend(params)))
    assert after < 0.2 * before
