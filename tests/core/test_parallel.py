"""The place where shards are worked on changes nothing."""

import functools
import os

import numpy as np
import pytest

from gram_jax.core.parallel import map_here, map_in_processes


def product(factor: np.ndarray, shard: list[int]) -> list[int]:
    return [int(factor[0]) * number for number in shard]


def refuse(shard: int) -> int:
    if shard == 3:
        raise ValueError("shard 3 is bad")
    return shard


def process_of(shard: int) -> int:
    return os.getpid()


@pytest.fixture(scope="module")
def in_processes():
    with map_in_processes(2) as map_shards:
        yield map_shards


@pytest.mark.parametrize("num_shards", [0, 1, 2, 7])
def test_processes_give_what_one_process_gives(in_processes, num_shards):
    work = functools.partial(product, np.array([3]))
    shards = [list(range(start, start + 2)) for start in range(num_shards)]
    assert list(in_processes(work, iter(shards))) == list(map_here(work, shards))


def test_a_single_shard_stays_here(in_processes):
    assert list(in_processes(process_of, [0])) == [os.getpid()]
    assert os.getpid() not in set(in_processes(process_of, range(4)))


def test_a_second_function_is_not_taken_for_the_first(in_processes):
    assert list(in_processes(functools.partial(product, np.array([5])), [[1], [2]])) == [[5], [10]]
    assert list(in_processes(functools.partial(product, np.array([7])), [[1], [2]])) == [[7], [14]]


def test_what_a_shard_raises_is_raised_where_its_result_is_due(in_processes):
    results = in_processes(refuse, range(6))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="shard 3 is bad"):
        next(results)


def test_shards_are_taken_as_they_are_needed(in_processes):
    taken = []
    results = in_processes(abs, (taken.append(shard) or shard for shard in range(100)))
    assert next(results) == 0
    assert len(taken) <= 5
    results.close()


def test_one_process_is_this_one():
    with map_in_processes(1) as map_shards:
        assert list(map_shards(process_of, [0, 1])) == [os.getpid()] * 2
