"""The retrieve program over many devices: each answers its share of the batch.

Knows a partitioner; nothing of what a query is.
"""

import functools
from collections.abc import Callable

import jax
from jax.sharding import PartitionSpec

from gram_jax.models.config import ModelConfig
from gram_jax.partitioning.partitioner import Partitioner
from gram_jax.retrieval.retrieve import RetrieveSettings, retrieve


def split_rows(function: Callable, partitioner: Partitioner, *, num_whole: int) -> Callable:
    """`function` with its last argument split by rows, each device at work on its own.

    A search is not left to the compiler to split: what it does with one query depends on no other,
    and how long it takes differs, so that devices that went in step would wait for each other.

    Args:
      function: of `num_whole` trees that every device needs and one of arrays that lead with
        [batch]; returns arrays that lead with [batch].
      partitioner: whose rule 'batch' says how rows are split. Over the other axes of its mesh the
        compiler splits the work as the arguments are.
      num_whole: arguments before the last.
    """
    rows = partitioner.batch_sharding.spec
    names = (rows[0],) if isinstance(rows[0], str) else tuple(rows[0] or ())
    return jax.shard_map(
        function, mesh=partitioner.mesh, in_specs=(*[PartitionSpec()] * num_whole, rows),
        out_specs=rows, axis_names=set(names), check_vma=False)


def sharded_retrieve(partitioner: Partitioner, *, config: ModelConfig,
                     settings: RetrieveSettings) -> Callable:
    """`retrieve(params, index, query_tokens)` over the partitioner's devices, compiled."""
    return jax.jit(split_rows(functools.partial(retrieve, config=config, settings=settings),
                              partitioner, num_whole=2))
