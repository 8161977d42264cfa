"""One function over many shards: here, in other processes, or wherever a caller's `MapShards` runs.

Work on a large catalogue is written as a function of one shard whose results are put together in
order, so that the place where it runs cannot change what comes out.
"""

import contextlib
import itertools
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
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


OpenMapShards = Callable[[], contextlib.AbstractContextManager[MapShards]]
"""What a stage is given: opens the place where shards are worked on for as long as it needs it."""


def map_here(function: Callable[[Shard], Result], shards: Iterable[Shard]) -> Iterator[Result]:
    """`MapShards` in this process, one shard at a time."""
    return map(function, shards)


@contextlib.contextmanager
def map_in_processes(num_processes: int | None = None) -> Iterator[MapShards]:
    """Yields a `MapShards` over processes of their own.

    There are as many as this process may use cores, unless told otherwise. They live as long as
    one function is applied, so that memory goes back when its last result is there. Starting them
    takes seconds, so a single shard is worked on here. Processes are spawned, not forked: a fork
    beside JAX's or TensorFlow's threads can hang.
    """
    num_processes = num_processes or _num_cores()
    if num_processes == 1:
        yield map_here
        return

    def map_shards(function, shards):
        shards = iter(shards)
        first = list(itertools.islice(shards, 2))
        if len(first) < 2:
            return map(function, first)
        return _in_order(function, itertools.chain(first, shards), num_processes)

    yield map_shards


def _num_cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # not everywhere
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _in_order(function: Callable, shards: Iterable, num_processes: int) -> Iterator:
    """Results in order, with one shard waiting for every process beside the one in work."""
    waiting: list[Future] = []
    # The function is sent once to a process: it may carry all that was learned of a catalogue.
    with ProcessPoolExecutor(num_processes, multiprocessing.get_context("spawn"),
                             initializer=_receive, initargs=(function,)) as pool:
        try:
            for shard in shards:
                waiting.append(pool.submit(_apply, shard))
                if len(waiting) >= 2 * num_processes:
                    yield waiting.pop(0).result()
            while waiting:
                yield waiting.pop(0).result()
        finally:
            for future in waiting:
                future.cancel()


def _receive(function: Callable) -> None:
    """Keeps the function that this process is to apply."""
    global _function
    _function = function


def _apply(shard):
    return _function(shard)
