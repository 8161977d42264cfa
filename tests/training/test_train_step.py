import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gram_jax.models.objectives import ObjectiveValue
from gram_jax.testing.seekable_batches import SeekableBatches
from gram_jax.training.optimizers import Optimizer, adamw
from gram_jax.training.schedules import warmup_constant
from gram_jax.training.train_state import new_train_state
from gram_jax.training.train_step import make_train_step

# With this one, the params move by exactly minus the gradient.
DESCENT = Optimizer(optax.sgd(1.0), warmup_constant(peak=1.0))


def squares(params, batch, rng):
    """A weighted sum of squares of one linear unit, whose gradient is written down below."""
    errors = batch["inputs"] @ params["w"] - batch["targets"]
    weights = batch["weights"]
    return ObjectiveValue((weights * errors**2).sum(), weights.sum(),
                          {"error": (weights * jnp.abs(errors)).sum()})


STEPS = {n: make_train_step(squares, DESCENT, num_microbatches=n) for n in (1, 2, 3, 6)}


def batch_of(weights, seed):
    random = np.random.default_rng(seed)
    return {"inputs": random.normal(size=(6, 4)).astype(np.float32),
            "targets": random.normal(size=6).astype(np.float32),
            "weights": np.array(weights, np.float32)}


@settings(deadline=None, max_examples=25)
@given(st.lists(st.floats(0, 5, width=32), min_size=6, max_size=6).filter(lambda w: sum(w) > 0.1),
       st.integers(0, 99), st.sampled_from(sorted(STEPS)))
def test_the_step_is_the_weighted_mean_however_the_batch_is_cut(weights, seed, num_microbatches):
    batch = batch_of(weights, seed)
    start = np.arange(4, dtype=np.float32)
    state = new_train_state({"w": jnp.array(start)}, DESCENT, 0)
    state, metrics = STEPS[num_microbatches](state, batch)

    inputs, targets, weights = (
        batch[name].astype(np.float64) for name in ("inputs", "targets", "weights"))
    errors = inputs @ start - targets
    grad = 2 * (weights * errors) @ inputs / weights.sum()
    values = metrics.to_dict()
    np.testing.assert_allclose(state.params["w"], start - grad, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(values["loss"], (weights * errors**2).sum() / weights.sum(), 1e-4)
    np.testing.assert_allclose(values["error"], (weights * abs(errors)).sum() / weights.sum(), 1e-4)
    np.testing.assert_allclose(values["grad_norm"], np.linalg.norm(grad), 1e-4)
    np.testing.assert_allclose(values["weight"], weights.sum(), 1e-5)


def test_the_learning_rate_is_the_one_that_was_used():
    step_fn = make_train_step(squares, adamw(lambda step: 0.1 * (step + 1)))
    state = new_train_state({"w": jnp.zeros(4)}, adamw(warmup_constant(peak=1.0)), 0)
    rates = []
    for _ in range(3):
        state, metrics = step_fn(state, batch_of([1] * 6, 0))
        rates.append(metrics.to_dict()["learning_rate"])
    np.testing.assert_allclose(rates, [0.1, 0.2, 0.3], rtol=1e-6)
    assert int(state.step) == 3


def test_what_is_frozen_stays_and_is_not_differentiated():
    """Below the lowest param that moves, nothing is computed backwards."""
    def chain(params, batch, rng):
        hidden = jnp.tanh(jnp.tanh(batch["inputs"] @ params["first"]) @ params["second"])
        return ObjectiveValue(((hidden @ params["last"]) ** 2).sum(), jnp.float32(6), {})

    random = np.random.default_rng(0)
    params = {name: random.normal(size=(4, 4)).astype(np.float32)
              for name in ("first", "second", "last")}
    batch = batch_of([1] * 6, 0)

    def run(rates):
        optimizer = Optimizer(optax.sgd(1.0), warmup_constant(peak=1.0), rates)
        state = new_train_state(jax.tree.map(jnp.array, params), optimizer, 0)
        step_fn = make_train_step(chain, optimizer)
        jaxpr = str(jax.make_jaxpr(step_fn)(state, batch))
        state, metrics = step_fn(state, batch)
        return state.params, metrics.to_dict()["grad_norm"], jaxpr.count("dot_general")

    whole, whole_norm, whole_products = run({})
    found, norm, products = run({"first": 0.0, "second": 0.0})
    np.testing.assert_array_equal(found["first"], params["first"])
    np.testing.assert_array_equal(found["second"], params["second"])
    np.testing.assert_allclose(found["last"], whole["last"], rtol=1e-6)
    np.testing.assert_allclose(norm, np.linalg.norm(found["last"] - params["last"]), rtol=1e-4)
    assert norm < whole_norm
    # Backwards each of the three takes a product for itself and one for what is below it, but
    # that the inputs need none.
    assert (whole_products, products) == (3 + 5, 3 + 1)


def test_the_state_is_donated():
    state = new_train_state({"w": jnp.zeros(4)}, DESCENT, 0)
    STEPS[1](state, batch_of([1] * 6, 0))
    assert state.params["w"].is_deleted()


def test_dropout_depends_on_seed_and_step_alone(toy):
    """A state put together anew draws what the state that got there by stepping draws."""
    step_fn = make_train_step(toy.objective, DESCENT)
    batch = next(SeekableBatches())

    def loss(seed, step):
        state = new_train_state(jax.tree.map(jnp.array, toy.params), DESCENT, seed)
        state = dataclasses.replace(state, step=jnp.int32(step))
        return step_fn(state, batch)[1].to_dict()["loss"]

    assert loss(0, 5) == loss(0, 5)
    assert len({loss(0, 5), loss(0, 6), loss(1, 5)}) == 3


def test_microbatches_must_divide_the_batch():
    step_fn = make_train_step(squares, DESCENT, num_microbatches=4)
    state = new_train_state({"w": jnp.zeros(4)}, DESCENT, 0)
    with pytest.raises(ValueError, match=r"batch size 6 .* 4 microbatches"):
        step_fn(state, batch_of([1] * 6, 0))
