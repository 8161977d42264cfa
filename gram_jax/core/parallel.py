"""One function over many shards: here, in other processes, or wherever a caller's `MapShards` runs.

Work on a large catalogue is written as a function of one shard whose results are put together in
order, so that the place where it runs cannot change what comes out.
"""

import contextlib
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Protocol, TypeVar

Shard = TypeVar("Shard")
Result = TypeVar("Result")


class MapShards(Protocol):
    """Applies a function to shards and yields the results in the shards' order.

    Function, shards and results must be things that can be sent to another process: module-level
    functions and `functools.partial`s of them, and plain data. Shards may come lazily; only a few
    are held at a time.
    """

    def __call__(self, function: Callable[[Shard], Result],
                 shards: Iterable[Shard]) -> Iterator[Result]:
        """Yields `function(shard)` for every shard, in order."""


def map_here(function: Callable[[Shard], Result], shards: Iterable[Shard]) -> Iterator[Result]:
    """`MapShards` in this process, one shard at a time."""
    return map(function, shards)


@contextlib.contextmanager
def map_in_processes(num_processes: int | None = None) -> Iterator[MapShards]:
    """Yields a `MapShards` over processes of their own, as many as there are cores by default.

    Processes are spawned, not forked: a fork beside JAX's or TensorFlow's threads can hang.
    """
    num_processes = num_processes or os.cpu_count() or 1
    if num_processes == 1:
        yield map_here
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(num_processes, mp_context=context) as pool:
        yield lambda function, shards: _in_order(pool, function, shards, 2 * num_processes)


def _in_order(pool, function, shards, max_waiting: int):
    """Results in order, with at most `max_waiting` shards handed out and not yet yielded."""
    waiting = []
    try:
        for shard in shards:
            waiting.append(pool.submit(function, shard))
            if len(waiting) >= max_waiting:
                yield waiting.pop(0).result()
        while waiting:
            yield waiting.pop(0).result()
    finally:
        for future in waiting:
            future.cancel()
