"""Takes the tiny model the same steps on meshes of eight devices; prints how far apart they end.

    python mesh_runs.py '{"name": {"mesh": {...}, "config": {...}, "num_microbatches": n}, ...}'

Prints for each name the loss of every step in float32, the greatest difference of a param in
float64 from that of one device, and how much of params, moments and gradients a device holds.
"""

import dataclasses
import json
import math
import sys

import jax
import numpy as np
import optax

from gram_jax.models.layer_stacking import unstack_layers
from gram_jax.models.objectives import code_generation_objective
from gram_jax.models.params import init_params, logical_axes
from gram_jax.partitioning.mesh import make_mesh
from gram_jax.partitioning.partitioner import Partitioner
from gram_jax.testing.seekable_batches import SeekableBatches
from gram_jax.testing.tiny_model import tiny_config
from gram_jax.training.optimizers import adamw
from gram_jax.training.schedules import warmup_constant
from gram_jax.training.train_state import abstract_train_state, init_train_state
from gram_jax.training.train_step import make_train_step

NUM_STEPS = 20
SIZES = {"num_heads": 8, "head_dim": 2}


def run(dtype, mesh, config=None, num_microbatches=1):
    """The last state, the loss of every step, and what a device holds of a param's gradient."""
    config = tiny_config(**SIZES, **{"compute_dtype": dtype, **(config or {})})
    params = jax.tree.map(lambda array: np.asarray(array, dtype), init_params(config, 0))
    # A large epsilon: where a gradient is all rounding, Adam would magnify it to a whole step.
    optimizer = adamw(warmup_constant(peak=0.01), epsilon=1e-3, weight_decay=0.1)
    optimizer, gradient_shares = watched(optimizer)
    partitioner = Partitioner(make_mesh(**mesh))
    abstract = abstract_train_state(params, logical_axes(config), optimizer, partitioner)
    step_fn = make_train_step(
        code_generation_objective(config, z_loss=1e-3), optimizer, abstract_state=abstract,
        batch_sharding=partitioner.batch_sharding, num_microbatches=num_microbatches,
        constrain=partitioner.constrain)
    batches, losses = SeekableBatches(batch_size=16), []
    with jax.set_mesh(partitioner.mesh):
        state = init_train_state(params, optimizer, 0, abstract)
        for _ in range(NUM_STEPS):
            state, metrics = step_fn(state, next(batches))
            losses.append(metrics.to_dict()["loss"])
    return state, losses, gradient_shares[-1]


def watched(optimizer):
    """The optimizer, and a list that gets a device's share of the gradients that it is given."""
    shares = []

    def update(grads, *rest):
        table = grads["token_embedder"]["embedding"]
        jax.debug.inspect_array_sharding(table, callback=lambda sharding: shares.append(
            math.prod(sharding.shard_shape(table.shape)) / table.size))
        return optimizer.transformation.update(grads, *rest)

    transformation = optax.GradientTransformation(optimizer.transformation.init, update)
    return dataclasses.replace(optimizer, transformation=transformation), shares


def host_params(state):
    return unstack_layers(jax.device_get(state.params))


def distance(params, others):
    """The greatest difference of a number in one from that in the other."""
    gaps = jax.tree.map(lambda a, b: float(np.abs(a - b).max()), params, others)
    return max(jax.tree.leaves(gaps))


def share(array):
    return array.addressable_shards[0].data.size / array.size


def main(cases) -> None:
    found, one = {"num_devices": jax.device_count()}, {"mesh": {"data": 1}}
    losses = run("float32", **one)[1]
    with jax.enable_x64(True):
        state, _, _ = run("float64", **one)
        expected = host_params(state)
        start = init_params(tiny_config(**SIZES), 0)
        found["one"] = {"losses": losses, "way": distance(expected, jax.device_get(start))}
    for name, case in cases.items():
        _, losses, gradient_share = run("float32", **case)
        with jax.enable_x64(True):
            state, _, _ = run("float64", **case)
            embedding = state.params["token_embedder"]["embedding"]
            moment = state.opt_state[1].mu["token_embedder"]["embedding"]
            found[name] = {"losses": losses, "gap": distance(host_params(state), expected),
                           "dtype": str(embedding.dtype), "share": share(embedding),
                           "moment_share": share(moment), "gradient_share": gradient_share}
    print(json.dumps(found))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
