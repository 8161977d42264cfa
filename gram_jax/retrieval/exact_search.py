"""The largest inner products of many vectors, on the device, to the last one.

A block of vectors at a time, so that beside the vectors there is room for one block's scores and
never for those of all. Knows vectors by their places; nothing of what they stand for.
"""

import functools
from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np

NONE = -1
_BLOCK = 1 << 15
_QUERIES_AT_ONCE = 64


class VectorSearch(Protocol):
    """Anything that finds the vectors with the largest inner products."""

    def search(self, vectors: np.ndarray, *, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The best of the stored vectors for each given one.

        Args:
          vectors: float32 [n, size].
          k: how many; fewer may be found.

        Returns:
          int32 [n, k] places, best first, `NONE` behind the last; float32 [n, k] inner products,
          -inf there.
        """


class ExactSearch(VectorSearch):
    """Every stored vector is looked at. Of equal products the lower place comes first.

    Args:
      stored: float16 or float32 [num, size]; they are held on the device as they are, and
        multiplied in float32.
      block: vectors scored together: scores of a block take 4 * block * 64 bytes.

    Raises:
      ValueError: not a matrix of these types, or `block` is not positive.
    """

    def __init__(self, stored: np.ndarray, *, block: int = _BLOCK):
        check_vectors(stored)
        if block < 1:
            raise ValueError(f"block is {block}; it must be at least 1")
        self._num = len(stored)
        block = min(block, max(self._num, 1))
        num_blocks = max(1, -(-self._num // block))
        padding = num_blocks * block - self._num
        self._blocks = jax.device_put(
            np.pad(stored, ((0, padding), (0, 0))).reshape(num_blocks, block, stored.shape[1]))

    def search(self, vectors: np.ndarray, *, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The best of the stored vectors for each given one, see `VectorSearch`."""
        num_found = min(k, self._num)
        places = np.full((len(vectors), k), NONE, np.int32)
        scores = np.full((len(vectors), k), -np.inf, np.float32)
        if not num_found:
            return places, scores
        for start in range(0, len(vectors), _QUERIES_AT_ONCE):
            rows = vectors[start:start + _QUERIES_AT_ONCE]
            # Always as many, so that one program answers.
            batch = np.zeros((_QUERIES_AT_ONCE, vectors.shape[1]), np.float32)
            batch[:len(rows)] = rows
            found = _best(self._blocks, batch, jnp.int32(self._num), num_found)
            for whole, part in zip((places, scores), found):
                whole[start:start + len(rows), :num_found] = np.asarray(part)[:len(rows)]
        return places, scores


def check_vectors(stored: np.ndarray) -> None:
    """Raises a ValueError for what is not a matrix of float16 or float32."""
    if stored.ndim != 2 or stored.dtype not in (np.float16, np.float32):
        raise ValueError(f"vectors are {stored.dtype} of shape {stored.shape}, not float16 or "
                         "float32 [num, size]")


@functools.partial(jax.jit, static_argnames="k")
def _best(blocks: jax.Array, vectors: jax.Array, num: jax.Array,
          k: int) -> tuple[jax.Array, jax.Array]:
    """Places and products of the k best among the first `num` stored vectors."""
    _, size, _ = blocks.shape

    def take_block(best, numbered):
        number, block = numbered
        # Accelerators would otherwise round the factors to fewer bits than they have.
        scores = jnp.matmul(vectors, block.astype(jnp.float32).T, precision="highest")
        places = number * size + jnp.arange(size, dtype=jnp.int32)
        scores = jnp.where(places < num, scores, -jnp.inf)
        # What was found before stands first, so that the lower place wins a tie.
        pool_scores = jnp.concatenate([best[1], scores], axis=1)
        pool_places = jnp.concatenate(
            [best[0], jnp.broadcast_to(places, scores.shape)], axis=1)
        top, at = jax.lax.top_k(pool_scores, k)
        return (jnp.take_along_axis(pool_places, at, axis=1), top), None

    nothing = (jnp.full((len(vectors), k), NONE, jnp.int32),
               jnp.full((len(vectors), k), -jnp.inf, jnp.float32))
    best, _ = jax.lax.scan(take_block, nothing,
                           (jnp.arange(len(blocks), dtype=jnp.int32), blocks))
    return best
