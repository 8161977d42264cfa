"""A small training run as a process of its own, for a test to kill.

Usage: training_run.py FOLDER NUM_STEPS SECONDS_A_STEP; writes FOLDER/final.npz when it has ended.
"""

import sys
import time
from pathlib import Path

import jax

from gram_jax.models.objectives import code_generation_objective
from gram_jax.models.params import init_params, logical_axes, save_params
from gram_jax.partitioning.mesh import make_mesh
from gram_jax.testing.seekable_batches import SeekableBatches
from gram_jax.testing.tiny_model import tiny_config
from gram_jax.training.hooks import ProgressHook
from gram_jax.training.interruption import Interrupted
from gram_jax.training.metric_writer import JsonlMetricWriter
from gram_jax.training.optimizers import adamw
from gram_jax.training.schedules import warmup_cosine
from gram_jax.training.trainer import train


def main(folder: Path, num_steps: int, seconds: float) -> int:
    jax.config.update("jax_compilation_cache_dir", str(folder.parent / "compiled"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    config = tiny_config(dropout_rate=0.1)

    def show(step, metrics):
        (folder / "step").write_text(str(step))
        time.sleep(seconds)

    try:
        state = train(
            objective=code_generation_objective(config, z_loss=1e-4),
            params=init_params(config, 0),
            logical_axes=logical_axes(config),
            optimizer=adamw(warmup_cosine(peak=1e-2, num_steps=num_steps, warmup_steps=5),
                            weight_decay=0.01),
            batches=SeekableBatches(),
            num_steps=num_steps,
            checkpoint_dir=folder / "checkpoints",
            checkpoint_every=3,
            log_every=4,
            seed=0,
            mesh=make_mesh(data=1),
            metric_writer=JsonlMetricWriter(folder / "train.jsonl"),
            hooks=[ProgressHook(show)],
            metadata={"config": repr(config)})
    except Interrupted as interrupted:
        print(interrupted, file=sys.stderr)
        return 128 + interrupted.signal_number
    save_params(folder / "final.npz", jax.device_get(state.params))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
