"""What training changes from step to step, and how it is laid out on the mesh."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp

from gram_jax.partitioning.partitioner import Partitioner
from gram_jax.training.optimizers import Optimizer


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=["step", "params", "opt_state", "rng"],
    meta_fields=[],
)
@dataclasses.dataclass(frozen=True)
class TrainState:
    """All that training changes, except the place in the data.

    `rng` never changes: a step draws from it folded with `step`, so a resumed run draws what an
    uninterrupted one would have drawn.
    """

    step: jax.Array  # int32 [], updates done
    params: Any
    opt_state: Any
    rng: jax.Array  # uint32 [2], the data of a key


def new_train_state(params: Any, optimizer: Optimizer, seed: int) -> TrainState:
    """The state before the first step; traceable, so that it can be shaped without memory."""
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        params=params,
        opt_state=optimizer.transformation.init(optimizer.trained(params)),
        rng=jax.random.key_data(jax.random.key(seed)))


def abstract_train_state(
    params: Any, logical_axes: Any, optimizer: Optimizer, partitioner: Partitioner
) -> TrainState:
    """The shapes, dtypes and shardings of a state, without an array.

    Args:
      params: arrays, or their shapes.
      logical_axes: the same tree with a tuple of logical axis names for each array.
      optimizer: says which arrays there are besides the params.
      partitioner: says where they live; the moments live where their params do.
    """
    shapes = jax.eval_shape(lambda params: new_train_state(params, optimizer, 0), params)
    param_shardings = partitioner.param_shardings(params, logical_axes)
    shardings = TrainState(
        step=partitioner.replicated,
        params=param_shardings,
        opt_state=partitioner.shardings_like_params(shapes.opt_state, params, param_shardings),
        rng=partitioner.replicated)
    return jax.tree.map(
        lambda shape, sharding: jax.ShapeDtypeStruct(shape.shape, shape.dtype, sharding=sharding),
        shapes, shardings)


def state_shardings(state: TrainState) -> TrainState:
    """The sharding of each array of a state or of an abstract one."""
    return jax.tree.map(lambda array: array.sharding, state)


def init_train_state(
    params: Any, optimizer: Optimizer, seed: int, abstract_state: TrainState
) -> TrainState:
    """Builds the state in place on the devices, split as `abstract_state` says.

    The params are copied: the caller's arrays outlive the donation of the state.
    """
    shardings = state_shardings(abstract_state)

    def build(params: Any) -> TrainState:
        return new_train_state(jax.tree.map(jnp.copy, params), optimizer, seed)

    # Placing alone would not copy what already lies on one of the devices.
    placed = jax.device_put(params, shardings.params)
    return jax.jit(build, out_shardings=shardings)(placed)
