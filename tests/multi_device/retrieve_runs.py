"""Answers queries on one device and on meshes of four, and prints how far they are apart, as JSON.
"""

import json

import jax
import numpy as np

from gram_jax.models.params import init_params, logical_axes
from gram_jax.partitioning.mesh import make_mesh
from gram_jax.partitioning.partitioner import Partitioner
from gram_jax.retrieval.device_index import DeviceIndex, index_logical_axes
from gram_jax.retrieval.retrieve import RetrieveSettings, retrieve
from gram_jax.retrieval.scoring import ScoringHead
from gram_jax.retrieval.sharded import sharded_retrieve
from gram_jax.testing.tiny_model import tiny_config
from gram_jax.text.encoding import with_eos
from gram_jax.trie.builder import build_trie
from gram_jax.trie.capacity import capacity_class

CONFIG = tiny_config()
SETTINGS = RetrieveSettings(beam_size=4, num_products=20, head="log_prob_sum", reduce="sum")
NUM_CODES, CODE_SIZE = 50, 12


def drawn_index(rng):
    codes = list({tuple(rng.integers(2, 60, rng.integers(1, 7)).tolist()): None
                  for _ in range(4 * NUM_CODES)})[:NUM_CODES]
    trie = build_trie(with_eos(codes, 1, 8), vocab_size=64, eos_id=1)
    room = capacity_class(NUM_CODES * CODE_SIZE)
    products = np.zeros(room, np.int32)
    products[:NUM_CODES * CODE_SIZE] = np.concatenate(
        [np.sort(rng.choice(80, CODE_SIZE, replace=False)) for _ in range(NUM_CODES)])
    starts = np.minimum(np.arange(trie.code_capacity + 1), NUM_CODES) * CODE_SIZE
    return DeviceIndex(trie, starts.astype(np.int32), products,
                       rng.uniform(1, 9, room).astype(np.float32), None,
                       rng.integers(0, 3, trie.code_capacity).astype(np.int8),
                       ScoringHead().params, 256, SETTINGS.beam_size)


def main():
    rng = np.random.default_rng(0)
    params, index = init_params(CONFIG, 0), drawn_index(rng)
    queries = rng.integers(2, 60, (8, 6)).astype(np.int32)
    queries[3] = 0  # no query, on the device of its neighbour
    expected = jax.device_get(retrieve(params, index, queries, config=CONFIG, settings=SETTINGS))
    found = {"num_devices": jax.device_count(), "reached": int((expected.products >= 0).sum())}
    for name, ways in (("data", {}), ("fsdp", {"data": 1, "fsdp": 4}),
                       ("all", {"data": 2, "model": 2})):
        partitioner = Partitioner(make_mesh(**ways))
        axes = logical_axes(CONFIG)
        results = jax.device_get(sharded_retrieve(partitioner, config=CONFIG, settings=SETTINGS)(
            jax.device_put(params, partitioner.param_shardings(params, axes)),
            jax.device_put(index, partitioner.param_shardings(index, index_logical_axes(index))),
            jax.device_put(queries, partitioner.batch_sharding)))
        alive = expected.scores > -np.inf
        found[name] = {
            "same_products": bool((results.products == expected.products).all()),
            "same_codes": bool((results.codes == expected.codes).all()),
            "gap": float(np.abs(results.scores[alive] - expected.scores[alive]).max())}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
