"""RMS normalisation, as T5 has it: a scale, no mean and no bias."""

import jax
import jax.numpy as jnp
from flax import nnx

from gram_jax.nn.parameter import Initial, declare

_EPSILON = 1e-6


class RMSNorm(nnx.Module):
    """`inputs / rms(inputs) * scale`, the mean square taken in float32.

    Args:
      size: size of the last axis.
      dtype: dtype of the outputs.
    """

    def __init__(self, size: int, *, dtype: jnp.dtype):
        self.dtype = dtype
        self.scale = declare((size,), ("embed",), Initial("ones"))

    def __call__(self, inputs: jax.Array) -> jax.Array:
        """[..., size] -> [..., size]."""
        wide = inputs.astype(jnp.float32)
        mean_square = jnp.mean(jnp.square(wide), axis=-1, keepdims=True)
        normal = (wide * jax.lax.rsqrt(mean_square + _EPSILON)).astype(self.dtype)
        return normal * self.scale[...].astype(self.dtype)
