"""bfloat16 is for computing: what training keeps is float32."""

import jax
import numpy as np

from gram_jax.models.objectives import code_generation_objective
from gram_jax.models.params import init_params
from gram_jax.testing.seekable_batches import SeekableBatches
from gram_jax.testing.tiny_model import tiny_config
from gram_jax.training.optimizers import adamw
from gram_jax.training.schedules import warmup_constant
from gram_jax.training.train_state import new_train_state
from gram_jax.training.train_step import make_train_step

RATE = 1e-5


def test_steps_too_small_for_bfloat16_add_up_in_the_params():
    config = tiny_config(compute_dtype="bfloat16")
    params = init_params(config, 0)
    start = jax.device_get(params)
    optimizer = adamw(warmup_constant(peak=RATE))
    step_fn = make_train_step(code_generation_objective(config), optimizer)
    state, batches = new_train_state(params, optimizer, 0), SeekableBatches()
    for _ in range(2):
        state, _ = step_fn(state, next(batches))
    assert {leaf.dtype for leaf in jax.tree.leaves(state.params)} == {np.dtype("float32")}
    moments = [leaf for leaf in jax.tree.leaves(state.opt_state) if leaf.ndim]
    assert {leaf.dtype for leaf in moments} == {np.dtype("float32")}
    scale = np.asarray(state.params["decoder"]["decoder_norm"]["scale"])
    moved = np.abs(scale - start["decoder"]["decoder_norm"]["scale"])
    assert 0 < moved.max() < 4 * RATE
    # A norm's scale is 1, where the steps of bfloat16 are hundreds of times as large.
    np.testing.assert_array_equal(scale.astype("bfloat16"), np.ones_like(scale, "bfloat16"))
