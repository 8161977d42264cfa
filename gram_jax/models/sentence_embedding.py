"""One vector for a text: what an encoder says of it, averaged.

As sentence encoders are trained (Reimers and Gurevych, arXiv 1908.10084): products of such vectors
are cosines.
"""

import jax
import jax.numpy as jnp

_SHORTEST = 1e-12


def sentence_embeddings(encoded: jax.Array, tokens: jax.Array) -> jax.Array:
    """The mean over a text's tokens, marks included, at length 1.

    Args:
      encoded: [batch, length, d_model], from `EncoderDecoder.encode`.
      tokens: int32 [batch, length], that were encoded; 0 is padding.

    Returns:
      float32 [batch, d_model]; zeros for a row of padding.
    """
    seen = (tokens > 0)[..., None]
    total = jnp.sum(jnp.where(seen, encoded.astype(jnp.float32), 0.0), axis=1)
    mean = total / jnp.maximum(jnp.sum(seen, axis=1), 1)
    return mean / jnp.maximum(jnp.linalg.norm(mean, axis=-1, keepdims=True), _SHORTEST)
