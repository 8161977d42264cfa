"""One vector for a text: the mean of what the encoder says of its tokens.

Knows token ids and encoder outputs; nothing of queries, products or what is done with vectors.
"""

import jax
import jax.numpy as jnp


def mean_pooled(encoded: jax.Array, tokens: jax.Array) -> jax.Array:
    """The mean over the tokens that are not padding.

    Args:
      encoded: [batch, length, d_model], of `tokens`.
      tokens: int32 [batch, length]; 0 is padding.

    Returns:
      float32 [batch, d_model]; zeros where a row is padding alone.
    """
    is_text = (tokens != 0)[..., None]
    total = jnp.where(is_text, encoded.astype(jnp.float32), 0.0).sum(axis=1)
    return total / jnp.maximum(is_text.sum(axis=1), 1)
