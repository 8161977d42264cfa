"""One update of the params, compiled as one program. Knows the objective only as a function.

The gradient is that of the summed loss, divided at the end by the summed weight: a batch cut into
microbatches gives the gradient of the whole, however its weights fall.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gram_jax.models.objectives import Objective
from gram_jax.nn.activation_axes import Constrain, constraining
from gram_jax.training.optimizers import Optimizer, merge_params
from gram_jax.training.train_state import TrainState, state_shardings


@functools.partial(
    jax.tree_util.register_dataclass, data_fields=["values"], meta_fields=["names"])
@dataclasses.dataclass(frozen=True)
class StepMetrics:
    """The metrics of one step in one array: many small ones cost more to fetch than a step."""

    names: tuple[str, ...]
    values: jax.Array  # float32 [names]

    def to_dict(self) -> dict[str, float]:
        """The metrics as numbers; waits for the device."""
        return dict(zip(self.names, np.asarray(self.values).tolist()))


def make_train_step(
    objective: Objective,
    optimizer: Optimizer,
    *,
    abstract_state: TrainState | None = None,
    batch_sharding: jax.sharding.Sharding | None = None,
    num_microbatches: int = 1,
    constrain: Constrain | None = None,
) -> Callable[[TrainState, Any], tuple[TrainState, StepMetrics]]:
    """Compiles (on first use) the function that takes a state one step on.

    Args:
      objective: what is minimised.
      optimizer: how.
      abstract_state: shapes and shardings of the state, or None to take the state's own.
      batch_sharding: of every array of a batch, or None to take the batch's own.
      num_microbatches: parts of a batch that go through the model one after the other, to save
        memory; each is split over the mesh as the batch is.
      constrain: lays activations out on the mesh, as `Partitioner.constrain` does; None leaves it
        to the compiler.

    Returns:
      (state, batch) -> (next state, metrics). The given state is donated: its arrays are gone.
      Metrics: loss and the objective's metrics per unit of weight, weight, grad_norm (of what is
      trained, before clipping) and learning_rate.
    """
    shardings = None if abstract_state is None else state_shardings(abstract_state)

    def train_step(state: TrainState, batch: Any) -> tuple[TrainState, StepMetrics]:
        rng = jax.random.fold_in(jax.random.wrap_key_data(state.rng), state.step)
        # Only what moves is differentiated: nothing flows back to below the lowest such param.
        trained = optimizer.trained(state.params)
        with constraining(constrain):
            grads, (loss_sum, weight_sum, sums) = _summed_grads(
                lambda params, *rest: objective(merge_params(params, state.params), *rest),
                trained, batch, rng, num_microbatches,
                None if shardings is None else optimizer.trained(shardings.params))
        grads = jax.tree.map(lambda grad: grad / weight_sum, grads)
        updates, opt_state = optimizer.transformation.update(grads, state.opt_state, trained)
        params = merge_params(optax.apply_updates(trained, updates), state.params)
        metrics = mean_metrics(loss_sum, weight_sum, sums) | {
            "weight": weight_sum,
            "grad_norm": optax.global_norm(grads),
            "learning_rate": optimizer.learning_rate(state.step),
        }
        stacked = jnp.stack([jnp.asarray(value, jnp.float32) for value in metrics.values()])
        return (TrainState(state.step + 1, params, opt_state, state.rng),
                StepMetrics(tuple(metrics), stacked))

    return jax.jit(train_step, donate_argnums=0, in_shardings=(shardings, batch_sharding),
                   out_shardings=(shardings, None))


def mean_metrics(
    loss_sum: jax.Array, weight_sum: jax.Array, sums: Mapping[str, jax.Array]
) -> dict[str, jax.Array]:
    """Loss and metrics per unit of weight."""
    return {name: total / weight_sum for name, total in {"loss": loss_sum, **sums}.items()}


def _summed_grads(objective, params, batch, rng, num_microbatches, shardings):
    """Sums over the microbatches of the gradients, and of (loss, weight, metrics).

    Gradients live where their params do: a device adds up its own part of them only.
    """
    def placed(grads):
        return grads if shardings is None else jax.lax.with_sharding_constraint(grads, shardings)

    def summed(params, microbatch, rng):
        value = objective(params, microbatch, rng)
        return value.loss_sum, (value.loss_sum, value.weight_sum, dict(value.metrics))

    def add(totals, numbered):
        number, microbatch = numbered
        (_, sums), grads = grad_fn(params, microbatch, jax.random.fold_in(rng, number))
        return jax.tree.map(jnp.add, totals, (placed(grads), sums)), None

    grad_fn = jax.value_and_grad(summed, has_aux=True)
    microbatches = jax.tree.map(lambda array: _split(array, num_microbatches), batch)
    (_, sums), grads = jax.eval_shape(
        grad_fn, params, jax.tree.map(lambda array: array[0], microbatches), rng)
    zeros, zero_sums = jax.tree.map(
        lambda total: jnp.zeros(total.shape, total.dtype), (grads, sums))
    totals, _ = jax.lax.scan(
        add, (placed(zeros), zero_sums), (jnp.arange(num_microbatches), microbatches))
    return totals


def _split(array: jax.Array, num_microbatches: int) -> jax.Array:
    """[batch, ...] -> [microbatch, batch / microbatches, ...], every device keeping its rows.

    Rows are dealt out in turn: neighbours live on one device, and each microbatch needs rows of
    all devices.
    """
    if array.shape[0] % num_microbatches:
        raise ValueError(f"batch size {array.shape[0]} does not divide into {num_microbatches} "
                         "microbatches")
    rows = array.shape[0] // num_microbatches  # not -1: an array may have an axis of length 0
    parts = array.reshape(rows, num_microbatches, *array.shape[1:])
    return jnp.swapaxes(parts, 0, 1)
