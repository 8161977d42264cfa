"""Scanning layers changes no step, whatever the optimizer."""

import jax
import numpy as np
import optax
import pytest

from gram_jax.models.layer_stacking import stack_layers, unstack_layers
from gram_jax.training.by_layer import ByLayerState
from gram_jax.training.optimizers import adafactor, adamw, decays, merge_params
from gram_jax.training.schedules import warmup_constant


def drawn(seed):
    """Two stacks of unlike depth, params outside of them, and scales that differ by layer."""
    random = np.random.default_rng(seed)

    def layer(scale):
        return {"mlp": {"kernel": scale * random.normal(size=(6, 4)).astype(np.float32)},
                "norm": {"scale": scale * random.normal(size=(4,)).astype(np.float32)}}

    return {"encoder": {**{f"layers_{i}": layer(10.0 ** i) for i in range(3)},
                        "norm": {"scale": random.normal(size=(4,)).astype(np.float32)}},
            "decoder": {f"layers_{i}": layer(3.0 ** -i) for i in range(2)},
            "table": random.normal(size=(8, 4)).astype(np.float32)}


def steps(optimizer, prepare):
    """The params after some updates of params and gradients in the form that `prepare` gives."""
    @jax.jit
    def step(params, state, grads):
        trained = optimizer.trained(params)
        updates, state = optimizer.transformation.update(optimizer.trained(grads), state, trained)
        return merge_params(optax.apply_updates(trained, updates), params), state

    params = prepare(drawn(0))
    state = optimizer.transformation.init(optimizer.trained(params))
    for seed in range(1, 4):
        params, state = step(params, state, prepare(drawn(seed)))
    return unstack_layers(params)


RATE = warmup_constant(peak=0.1)


@pytest.mark.parametrize("optimizer", [
    adafactor(RATE, weight_decay=0.1),
    adafactor(RATE, min_factored_size=2, rate_multipliers={"decoder": 0.0, "encoder": 0.5}),
    adamw(RATE, weight_decay=0.1),
])
def test_stacked_params_take_the_steps_of_layers_one_by_one(optimizer):
    expected, found = steps(optimizer, lambda tree: tree), steps(optimizer, stack_layers)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6),
                 found, expected)
    assert np.abs(found["encoder"]["layers_2"]["mlp"]["kernel"]
                  - drawn(0)["encoder"]["layers_2"]["mlp"]["kernel"]).max() > 0.01


def test_states_of_models_that_are_not_scanned_have_the_form_of_the_transformation():
    state = adafactor(RATE).transformation.init(drawn(0))
    assert not [part for part in state if isinstance(part, ByLayerState)]
    state = adafactor(RATE).transformation.init(stack_layers(drawn(0)))
    assert [part for part in state if isinstance(part, ByLayerState)]


def test_the_same_params_decay():
    found = decays(stack_layers(drawn(0)))
    assert found["encoder"]["layers"] == {"mlp": {"kernel": True}, "norm": {"scale": False}}
    assert decays(drawn(0))["encoder"]["layers_0"] == found["encoder"]["layers"]
