"""Token embeddings, and logits through the same table where a model ties them."""

import jax
import jax.numpy as jnp
from flax import nnx

from gram_jax.nn.activation_axes import constrain_axes
from gram_jax.nn.parameter import Initial, declare
from gram_jax.nn.precision import at_least_float32


class Embedding(nnx.Module):
    """One row a token.

    Args:
      vocab_size: number of rows.
      size: length of a row.
      dtype: dtype of the outputs of a look-up.
      axis: logical name of the rows.
      stddev: of the values that the rows start from.
    """

    def __init__(
        self,
        vocab_size: int,
        size: int,
        *,
        dtype: jnp.dtype,
        axis: str = "vocab",
        stddev: float = 1.0,
    ):
        self.dtype, self.axis = dtype, axis
        self.embedding = declare((vocab_size, size), (axis, "embed"), Initial("normal", stddev))

    def __call__(self, tokens: jax.Array) -> jax.Array:
        """int32 [...] -> [..., size]."""
        # Where features of the table are split over devices that also split the batch, whole rows
        # are what each device needs; looking up parts of all rows would copy the activations.
        table = constrain_axes(self.embedding[...], self.axis)
        return jnp.take(table, tokens, axis=0).astype(self.dtype)

    def logits(self, hidden: jax.Array, num_rows: int) -> jax.Array:
        """float32 [..., num_rows] products of `hidden` [..., size] with the first rows."""
        rows = hidden.astype(at_least_float32(hidden.dtype)).reshape(-1, hidden.shape[-1])
        return (rows @ self.embedding[:num_rows].T).reshape(*hidden.shape[:-1], num_rows)
