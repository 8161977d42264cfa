"""One vector for a text: the mean of what the encoder says of its tokens.

Knows token ids and encoder outputs; nothing of queries, products or what is done with vectors.
"""

import jax
import jax.numpy as jnp

_SHORTEST = 1e-12


def mean_pooled(encoded: jax.Array, tokens: jax.Array) -> jax.Array:
    """The mean over the tokens that are not padding, marks included.

    Args:
      encoded: [batch, length, d_model], from `EncoderDecoder.encode`.
      tokens: int32 [batch, length], that were encoded; 0 is padding.

    Returns:
      float32 [batch, d_model]; zeros where a row is padding alone.
    """
    is_text = (tokens != 0)[..., None]
    total = jnp.where(is_text, encoded.astype(jnp.float32), 0.0).sum(axis=1)
    return total / jnp.maximum(is_text.sum(axis=1), 1)


def sentence_embeddings(encoded: jax.Array, tokens: jax.Array) -> jax.Array:
    """`mean_pooled` at length 1, so that products of vectors are cosines.

    As sentence encoders are trained (Reimers and Gurevych, arXiv 1908.10084).
    """
    mean = mean_pooled(encoded, tokens)
    return mean / jnp.maximum(jnp.linalg.norm(mean, axis=-1, keepdims=True), _SHORTEST)
