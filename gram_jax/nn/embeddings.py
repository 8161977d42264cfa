"""Token embeddings, and logits through the same table where a model ties them."""

import jax
import jax.numpy as jnp
from flax import nnx

from gram_jax.nn.dense import make_param


class Embedding(nnx.Module):
    """One row a token.

    Args:
      vocab_size: number of rows.
      size: length of a row.
      dtype: dtype of the outputs of a look-up.
      rngs: its `params` stream draws the table.
    """

    def __init__(self, vocab_size: int, size: int, *, dtype: jnp.dtype, rngs: nnx.Rngs):
        self.dtype = dtype
        self.embedding = make_param(
            jax.nn.initializers.normal(1.0), (vocab_size, size), ("vocab", "embed"), rngs
        )

    def __call__(self, tokens: jax.Array) -> jax.Array:
        """int32 [...] -> [..., size]."""
        return jnp.take(self.embedding[...], tokens, axis=0).astype(self.dtype)

    def logits(self, hidden: jax.Array) -> jax.Array:
        """float32 [..., vocab] products of `hidden` [..., size] with every row.

        The table's rows have unit variance, so hidden states are scaled by size ** -0.5.
        """
        scaled = hidden.astype(jnp.float32) * hidden.shape[-1] ** -0.5
        return jnp.matmul(scaled, self.embedding[...].T)
