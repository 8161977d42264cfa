"""Rows of a table that are summed over an item's features, such as a word's character n-grams."""

import jax
import jax.numpy as jnp
from flax import nnx

from gram_jax.nn.parameter import Initial, declare


class FeatureTable(nnx.Module):
    """Rows that are summed over the features of a word; row 0 counts nothing.

    Args:
      num_rows: of the table.
      size: of a row.
    """

    def __init__(self, num_rows: int, size: int):
        self.embedding = declare((num_rows, size), ("vocab", "embed"), Initial("normal", 0.1))

    def __call__(self, features: jax.Array) -> jax.Array:
        """int32 [..., features], 0 where there is none -> float32 [..., size]."""
        present = features > 0
        rows = jnp.take(self.embedding[...], features, axis=0)
        summed = jnp.einsum("...fs,...f->...s", rows, present.astype(rows.dtype))
        # Words have many n-grams or few; their sums have one spread.
        return summed * jax.lax.rsqrt(jnp.maximum(present.sum(-1, keepdims=True), 1.0))
