import dataclasses
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.core.batch import Batch
from gram_jax.models.objectives import code_generation_objective
from gram_jax.models.params import init_params
from gram_jax.testing.seekable_batches import SeekableBatches
from gram_jax.testing.tiny_model import tiny_config
from gram_jax.training.throughput import (
    Throughput,
    Work,
    matmul_flops,
    measured_peak_flops,
    work_counter,
)


def shape(*sizes):
    return jax.ShapeDtypeStruct(sizes, jnp.float32)


@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5), st.integers(1, 5))
def test_a_product_of_matrices_takes_two_flops_for_each_multiplication(batch, m, n, k):
    assert matmul_flops(lambda a, b: jnp.einsum("bmk,bkn->bmn", a, b), shape(batch, m, k),
                        shape(batch, k, n)) == 2 * batch * m * n * k


def test_loops_calls_and_choices_count_as_they_run():
    """One product in a function that is jitted, recomputed, scanned over and chosen."""
    def product(x):
        return x @ x

    one = matmul_flops(product, shape(3, 3))
    assert one == 2 * 27
    assert matmul_flops(jax.jit(product), shape(3, 3)) == one
    assert matmul_flops(jax.checkpoint(product), shape(3, 3)) == one
    assert matmul_flops(lambda x: jax.lax.scan(lambda c, _: (product(c), None), x, length=7)[0],
                        shape(3, 3)) == 7 * one
    assert matmul_flops(lambda x: jax.lax.cond(x[0, 0] > 0, product, lambda x: product(x) + x @ x,
                                               x), shape(3, 3)) == 2 * one
    with pytest.raises(ValueError, match="without a fixed number"):
        matmul_flops(lambda x: jax.lax.while_loop(lambda c: c[0, 0] < 9, product, x), shape(3, 3))


@pytest.fixture(scope="module")
def model():
    config = tiny_config()
    return config, code_generation_objective(config), init_params(config, 0)


def test_a_models_flops_are_those_of_its_layers_written_out(model):
    """Per token: two for each weight that multiplies it; and two products with every key."""
    config, objective, params = model
    rows, source, target = 8, 6, 6
    weights = {path: leaf.size for path, leaf in _leaves(params) if leaf.ndim >= 2
               and "relpos_bias" not in path}
    table = config.vocab_size * config.d_model
    encoder = sum(size for path, size in weights.items() if path.startswith("encoder/"))
    cross = sum(size for path, size in weights.items()
                if path.startswith("decoder/") and "encoder_decoder_attention" in path
                and path.split("/")[-2] in ("key", "value"))
    decoder = sum(size for path, size in weights.items()
                  if path.startswith("decoder/") and "logits" not in path) - cross
    logits = next((size for path, size in weights.items() if "logits" in path), table)
    heads = config.num_heads * config.head_dim
    attention = 2 * 2 * heads * (source * source + target * target + target * source)
    by_hand = rows * (2 * source * (encoder + cross) + 2 * target * (decoder + logits) + attention)
    batch = next(SeekableBatches(batch_size=rows, length=6))
    work = work_counter(objective, params, ("encoder_input_tokens", "decoder_target_tokens"))(batch)
    lookup = 2 * 2 * config.num_heads * 6 * 6 * 32  # of position biases, as a product or a gather
    assert work.model_flops / 3 - by_hand in (0, lookup)


def _leaves(params):
    return [(jax.tree_util.keystr(path, simple=True, separator="/"), leaf)
            for path, leaf in jax.tree_util.tree_leaves_with_path(params)]


def test_tokens_are_those_that_are_not_padding_and_padding_is_computed_all_the_same(model):
    _, objective, params = model
    count = work_counter(objective, params, ("encoder_input_tokens", "decoder_target_tokens"))
    batch = next(SeekableBatches())
    padded = dataclasses.replace(batch, **{name: np.where(
        np.arange(6) < 4, getattr(batch, name), 0) for name in (
            "encoder_input_tokens", "decoder_target_tokens")})
    assert count(padded).tokens == 8 * 4 + (batch.decoder_target_tokens[:, :4] != 0).sum()
    assert count(padded).model_flops == count(batch).model_flops
    longer = Batch(*(np.concatenate([array, array], 1) for array in jax.tree.leaves(batch)))
    assert count(longer).model_flops > 2 * count(batch).model_flops


def test_utilisation_is_there_where_a_peak_is_known():
    work = Work(tokens=100, model_flops=2e9) + Work(tokens=20, model_flops=1e9)
    unknown = Throughput(lambda batch: Work()).rates(work, 2.0)
    assert unknown == {"tokens_per_second": 60.0, "model_flops_per_second": 1.5e9}
    known = Throughput(lambda batch: Work(), peak_flops=6e9).rates(work, 2.0)
    assert known == unknown | {"utilisation": 0.25}


def test_a_measured_peak_is_what_a_plain_loop_of_products_reaches():
    """Within a wide margin: other work may run beside the test."""
    matrix = np.full((256, 256), 1 / 256, np.float32)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        matrix @ matrix
        times.append(time.perf_counter() - start)
    peer = 2 * 256**3 / min(times)
    assert peer / 30 < measured_peak_flops(size=256, num_trials=5) < 30 * peer
