import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gram_jax.core.errors import ConfigError
from gram_jax.models.params import abstract_params
from gram_jax.testing.tiny_model import tiny_config
from gram_jax.training.optimizers import adafactor, adamw, decays, merge_params
from gram_jax.training.schedules import warmup_constant

PARAMS = {"mlp": {"kernel": jnp.full((3, 2), 2.0), "bias": jnp.ones(2)},
          "relpos_bias": {"rel_embedding": jnp.ones((2, 4))},
          "layer_norm": {"scale": jnp.ones(3)}}


def update(optimizer, params, grads):
    transformation = optimizer.transformation
    updates, _ = transformation.update(grads, transformation.init(params), params)
    return optax.apply_updates(params, updates)


@pytest.mark.parametrize("make", [adamw, adafactor])
def test_without_gradient_only_decayed_matrices_shrink(make):
    optimizer = make(warmup_constant(peak=0.1), weight_decay=0.5)
    params = update(optimizer, PARAMS, jax.tree.map(jnp.zeros_like, PARAMS))
    np.testing.assert_allclose(params["mlp"]["kernel"], 2.0 * (1 - 0.1 * 0.5), rtol=1e-6)
    for kept in ("relpos_bias", "layer_norm"):
        jax.tree.map(np.testing.assert_array_equal, params[kept], PARAMS[kept])
    np.testing.assert_array_equal(params["mlp"]["bias"], PARAMS["mlp"]["bias"])


def test_of_the_model_every_matrix_is_decayed_but_the_relative_position_bias():
    mask = jax.tree_util.tree_leaves_with_path(decays(abstract_params(tiny_config())))
    kept = {jax.tree_util.keystr(path, simple=True, separator="/") for path, on in mask if not on}
    assert kept and all("norm" in name or "relpos_bias" in name for name in kept)
    assert {"encoder/relpos_bias/rel_embedding", "decoder/decoder_norm/scale"} <= kept


def test_the_first_adamw_update_is_the_rate_times_the_sign():
    params, grads = {"a": jnp.array([1.0, 1.0, 1.0])}, {"a": jnp.array([0.1, -3.0, 0.0])}
    moved = update(adamw(warmup_constant(peak=0.01)), params, grads)
    np.testing.assert_allclose(moved["a"], [0.99, 1.01, 1.0], atol=1e-6)


def test_gradients_are_clipped_by_their_global_norm():
    """Any gradient longer than the limit updates as its direction at the limit does."""
    params = {"a": jnp.ones(2), "b": jnp.ones(1)}
    grads = {"a": jnp.array([3.0, 0.0]), "b": jnp.array([4.0])}
    limited = jax.tree.map(lambda grad: grad / 5, grads)
    plain = {"epsilon": 1.0}  # so large that the update depends on the length of the gradient
    rate = warmup_constant(peak=0.1)
    expected = update(adamw(rate, max_grad_norm=None, **plain), params, limited)
    clipped = update(adamw(rate, max_grad_norm=1.0, **plain), params, grads)
    unclipped = update(adamw(rate, max_grad_norm=None, **plain), params, grads)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), clipped, expected)
    assert not np.allclose(unclipped["b"], clipped["b"])


@pytest.mark.parametrize("optimizer", [
    adamw(warmup_constant(peak=0.05)), adafactor(warmup_constant(peak=0.05), min_factored_size=4)])
def test_a_quadratic_is_minimised(optimizer):
    target = jax.random.normal(jax.random.key(0), (8, 6))
    params = {"a": jnp.ones((8, 6))}
    transformation = optimizer.transformation

    @jax.jit
    def step(params, opt_state):
        loss, grads = jax.value_and_grad(lambda p: jnp.mean((p["a"] - target) ** 2))(params)
        updates, opt_state = transformation.update(grads, opt_state, params)
        return optax.apply_updates(params, updates), opt_state, loss

    opt_state, losses = transformation.init(params), []
    for _ in range(150):
        params, opt_state, loss = step(params, opt_state)
        losses.append(float(loss))
    assert losses[-1] < 0.05 * losses[0]


RATES = {"mlp": 0.5, "mlp/bias": 0.0, "relpos_bias/rel_embedding": 0.25}


@pytest.mark.parametrize("make", [adamw, adafactor])
def test_a_rate_multiplies_what_is_at_its_path_or_below_and_the_longest_path_counts(make):
    settings = {"weight_decay": 0.5, "max_grad_norm": None}
    grads = jax.tree.map(lambda param: jnp.linspace(0.1, 1.0, param.size).reshape(param.shape),
                         PARAMS)
    plain = make(warmup_constant(peak=0.1), **settings)
    whole = jax.tree.map(lambda new, old: new - old, update(plain, PARAMS, grads), PARAMS)
    optimizer = make(warmup_constant(peak=0.1), rate_multipliers=RATES, **settings)
    trained = optimizer.trained(PARAMS)
    params = merge_params(update(optimizer, trained, optimizer.trained(grads)), PARAMS)
    moved = jax.tree.map(lambda new, old: new - old, params, PARAMS)
    for place, rate in {("mlp", "kernel"): 0.5, ("mlp", "bias"): 0.0,
                        ("relpos_bias", "rel_embedding"): 0.25, ("layer_norm", "scale"): 1.0
                        }.items():
        found, expected = (tree[place[0]][place[1]] for tree in (moved, whole))
        np.testing.assert_allclose(found, rate * expected, rtol=1e-5, atol=1e-7)


def test_nothing_is_kept_for_what_is_frozen():
    frozen = adamw(warmup_constant(peak=0.1), rate_multipliers={"mlp": 0.0})
    plain = adamw(warmup_constant(peak=0.1))
    sizes = [sum(leaf.size for leaf in jax.tree.leaves(optimizer.transformation.init(
        optimizer.trained(PARAMS)))) for optimizer in (plain, frozen)]
    assert sizes[0] - sizes[1] == 2 * sum(leaf.size for leaf in jax.tree.leaves(PARAMS["mlp"]))


def test_a_path_that_is_not_there_is_named():
    for path in ("mlq", "mlp/kern", "ml"):
        optimizer = adamw(warmup_constant(peak=0.1), rate_multipliers={path: 0.5})
        with pytest.raises(ConfigError, match=rf"name {path}, but the params are layer_norm, mlp"):
            optimizer.trained(PARAMS)
