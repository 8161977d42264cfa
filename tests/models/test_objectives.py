"""The objective: sums that add up over pieces of a batch, and learning that follows it."""

import dataclasses

import jax
import numpy as np

from gram_jax.core.batch import Batch
from gram_jax.models.losses import cross_entropy
from gram_jax.models.objectives import code_generation_objective
from gram_jax.models.params import bind
from gram_jax.testing.tiny_model import tiny_config, tiny_params

CONFIG = tiny_config(dropout_rate=0.3)
OBJECTIVE = jax.jit(code_generation_objective(CONFIG, z_loss=0.01, label_smoothing=0.1))


def sample(rows=4):
    rng = np.random.default_rng(0)
    targets = rng.integers(1, 64, (rows, 5)).astype(np.int32)
    targets[0, 2:] = 0
    return Batch(
        encoder_input_tokens=rng.integers(1, 64, (rows, 6)).astype(np.int32),
        decoder_input_tokens=np.pad(targets, ((0, 0), (1, 0)))[:, :-1],
        decoder_target_tokens=targets,
        decoder_loss_weights=(targets > 0).astype(np.float32),
        example_ids=tuple("abcd"[:rows]),
    )


def piece(batch, rows):
    fields = {f.name: getattr(batch, f.name)[rows] for f in dataclasses.fields(batch)}
    return Batch(**fields)


def test_value_is_the_cross_entropy_of_the_models_logits():
    params, batch = tiny_params(CONFIG), sample()
    value = OBJECTIVE(params, batch, None)
    logits = jax.jit(lambda params: bind(CONFIG, params)(
        batch.encoder_input_tokens, batch.decoder_input_tokens
    ))(params)
    expected = cross_entropy(
        logits, batch.decoder_target_tokens, batch.decoder_loss_weights,
        z_loss=0.01, label_smoothing=0.1,
    )
    np.testing.assert_allclose(value.loss_sum, expected.loss_sum, rtol=1e-5)
    np.testing.assert_allclose(value.metrics["z_loss"], expected.z_sum, rtol=1e-5)
    assert value.weight_sum == 17


def test_sums_of_pieces_add_up_to_the_sums_of_the_batch():
    params, batch = tiny_params(CONFIG), sample()
    whole = OBJECTIVE(params, batch, None)
    first, second = (OBJECTIVE(params, piece(batch, rows), None)
                     for rows in (slice(0, 2), slice(2, 4)))
    jax.tree.map(
        lambda a, b, c: np.testing.assert_allclose(a + b, c, rtol=1e-5), first, second, whole
    )


def test_several_codes_of_a_text_cost_what_they_cost_beside_copies_of_it():
    params, batch = tiny_params(CONFIG), sample()
    by_text = dataclasses.replace(batch, encoder_input_tokens=batch.encoder_input_tokens[:2], **{
        name: getattr(batch, name).reshape(2, 2, 5) for name in (
            "decoder_input_tokens", "decoder_target_tokens", "decoder_loss_weights")})
    copied = dataclasses.replace(
        batch, encoder_input_tokens=np.repeat(batch.encoder_input_tokens[:2], 2, axis=0))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5),
                 OBJECTIVE(params, by_text, None), OBJECTIVE(params, copied, None))


def test_descent_learns_a_batch_by_heart():
    batch = sample()
    objective = code_generation_objective(CONFIG)

    @jax.jit
    def descend(params):
        def mean(params):
            value = objective(params, batch, None)
            return value.loss_sum / value.weight_sum

        def step(_, params):
            return jax.tree.map(lambda p, g: p - 0.3 * g, params, jax.grad(mean)(params))

        trained = jax.lax.fori_loop(0, 150, step, params)
        return objective(trained, batch, None)

    value = descend(tiny_params(CONFIG))
    assert value.loss_sum / value.weight_sum < 0.1
    assert value.metrics["accuracy"] == value.weight_sum


def test_dropout_needs_a_key():
    params, batch = tiny_params(CONFIG), sample()
    calm = OBJECTIVE(params, batch, None).loss_sum
    one, two = (OBJECTIVE(params, batch, jax.random.key(seed)).loss_sum for seed in (1, 2))
    assert len({float(calm), float(one), float(two)}) == 3
