"""Trains the tiny model on meshes of four devices and prints what came out, as JSON."""

import json
import sys
from pathlib import Path

import jax
import numpy as np

from gram_jax.models.objectives import code_generation_objective
from gram_jax.models.params import init_params, logical_axes
from gram_jax.partitioning.mesh import make_mesh
from gram_jax.testing.seekable_batches import SeekableBatches
from gram_jax.testing.tiny_model import tiny_config
from gram_jax.training.metric_writer import MetricWriters
from gram_jax.training.optimizers import adamw
from gram_jax.training.schedules import warmup_constant
from gram_jax.training.trainer import train

CONFIG = tiny_config(dropout_rate=0.1)
PARAMS = init_params(CONFIG, 0)


def run(folder, num_steps=6, num_microbatches=1, **mesh):
    # A large epsilon: where a gradient is all rounding, Adam would magnify it to a whole step.
    return train(
        objective=code_generation_objective(CONFIG), params=PARAMS,
        logical_axes=logical_axes(CONFIG),
        optimizer=adamw(warmup_constant(peak=0.01), epsilon=1e-3), batches=SeekableBatches(),
        num_steps=num_steps, checkpoint_dir=folder, checkpoint_every=3, log_every=3, seed=0,
        mesh=make_mesh(**mesh), metric_writer=MetricWriters(), num_microbatches=num_microbatches)


def distance(params, others):
    """The greatest difference of a number in one from that in the other."""
    gaps = jax.tree.map(lambda a, b: float(np.abs(np.asarray(a) - np.asarray(b)).max()),
                        params, others)
    return max(jax.tree.leaves(gaps))


def main(folder: Path) -> None:
    one = run(folder / "one", data=1)
    found = {"num_devices": jax.device_count(), "way": distance(one.params, PARAMS)}
    for name, mesh in {
        "data": {"data": 4}, "fsdp": {"data": 1, "fsdp": 4},
        "all": {"data": 1, "fsdp": 2, "model": 2},
    }.items():
        state = run(folder / name, **mesh)
        embedding = state.params["token_embedder"]["embedding"]
        moment = state.opt_state[1].mu["token_embedder"]["embedding"]
        found[name] = {"gap": distance(state.params, one.params),
                       "share": embedding.addressable_shards[0].data.size / embedding.size,
                       "moment_share": moment.addressable_shards[0].data.size / moment.size}
    parts = run(folder / "parts", num_microbatches=2, num_steps=1, data=4)
    found["parts"] = {"steps": int(parts.step)}
    run(folder / "moved", num_steps=3, data=4)
    moved = run(folder / "moved", data=1, fsdp=4)
    found["moved"] = {"gap": distance(moved.params, one.params)}
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
