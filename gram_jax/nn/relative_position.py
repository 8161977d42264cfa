"""T5's relative position bias: one learned number for each head and bucket of distance.

Each stack has one table, shared by all its layers, or, in umT5, one for each layer.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from gram_jax.nn.parameter import Initial, declare


def relative_position_bucket(
    relative_position: jax.Array, *, bidirectional: bool, num_buckets: int, max_distance: int
) -> jax.Array:
    """The bucket of each distance: exact when near, logarithmic when far.

    Args:
      relative_position: int32, key position minus query position.
      bidirectional: whether keys after the query get buckets of their own (half of them);
        otherwise they all fall into bucket 0.
      num_buckets: number of buckets.
      max_distance: from here on every distance falls into the last bucket.

    Returns:
      int32 buckets of the same shape, in [0, num_buckets).
    """
    if bidirectional:
        num_buckets //= 2
        after = (relative_position > 0).astype(jnp.int32) * num_buckets
        distance = jnp.abs(relative_position)
    else:
        after = 0
        distance = jnp.maximum(-relative_position, 0)
    table = jnp.asarray(_distance_buckets(num_buckets, max_distance))
    return after + table[jnp.minimum(distance, max_distance)]


def _distance_buckets(num_buckets: int, max_distance: int) -> np.ndarray:
    """int32 [max_distance + 1]: the bucket of each distance.

    Computed once on the host as T5X does, in float32 with its epsilon, because a logarithm that
    rounds differently on a device would move distances at the edge of a bucket.
    """
    distance = np.arange(max_distance + 1)
    num_exact = num_buckets // 2
    ratio = np.maximum(distance, 1).astype(np.float32) / num_exact
    far = num_exact + (
        np.log(ratio + np.finfo(np.float32).eps)
        / np.log(max_distance / num_exact)
        * (num_buckets - num_exact)
    ).astype(np.int32)
    return np.where(distance < num_exact, distance, np.minimum(far, num_buckets - 1)).astype(
        np.int32
    )


class RelativePositionBias(nnx.Module):
    """The bias added to attention logits, by head and distance.

    Args:
      num_heads: number of heads.
      num_buckets: number of distance buckets.
      max_distance: distances from here on share a bucket.
      bidirectional: True for an encoder, False for a causal decoder.
    """

    def __init__(
        self,
        num_heads: int,
        *,
        num_buckets: int,
        max_distance: int,
        bidirectional: bool,
    ):
        self.num_buckets = num_buckets
        self.max_distance = max_distance
        self.bidirectional = bidirectional
        self.rel_embedding = declare(
            (num_heads, num_buckets),
            ("heads", "relpos_buckets"),
            Initial("uniform", math.sqrt(2.0 / (num_heads + num_buckets))),
        )

    def __call__(self, query_positions: jax.Array, key_positions: jax.Array) -> jax.Array:
        """int32 [queries], int32 [keys] -> float32 [1, heads, queries, keys]."""
        bucket = relative_position_bucket(
            key_positions[None, :] - query_positions[:, None],
            bidirectional=self.bidirectional,
            num_buckets=self.num_buckets,
            max_distance=self.max_distance,
        )
        # A product with one-hot rows: its gradient is a matrix product, not a scatter.
        one_hot = jax.nn.one_hot(bucket, self.num_buckets, dtype=jnp.float32)
        highest = jax.lax.Precision.HIGHEST
        return jnp.einsum("hn,qkn->hqk", self.rel_embedding[...], one_hot, precision=highest)[None]


def layer_bias(
    stack: nnx.Module, query_positions: jax.Array, key_positions: jax.Array, mask: jax.Array
) -> Callable[[nnx.Module], jax.Array]:
    """What a layer of a stack adds to its attention logits.

    Args:
      stack: either it or each of its layers has a `relpos_bias`.
      query_positions: int32 [queries].
      key_positions: int32 [keys].
      mask: float32, broadcast to [batch, heads, queries, keys]: hides keys.

    Returns:
      layer -> float32 [batch or 1, heads, queries, keys]; one array where they share it.
    """
    if stack.per_layer_bias:
        return lambda layer: layer.relpos_bias(query_positions, key_positions) + mask
    shared = stack.relpos_bias(query_positions, key_positions) + mask
    return lambda layer: shared
