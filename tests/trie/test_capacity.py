"""Classes hold what they must, waste little, and are few."""

import pytest

from gram_jax.trie.capacity import capacity_class


@pytest.mark.parametrize("size, expected", [
    (0, 256), (1, 256), (256, 256), (257, 320), (320, 320), (321, 384), (449, 512), (513, 640),
    (10_000_000, 10_485_760), (2**30 + 1, 5 * 2**28),
])
def test_known_classes(size, expected):
    assert capacity_class(size) == expected


def test_a_class_is_its_own_and_wastes_at_most_a_fifth():
    for size in range(257, 20_000):
        capacity = capacity_class(size)
        assert size <= capacity <= size * 1.25 and capacity_class(capacity) == capacity
    assert len({capacity_class(size) for size in range(1, 2**14 + 1)}) == 4 * 6 + 1
