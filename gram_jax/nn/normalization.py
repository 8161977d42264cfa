"""RMS normalisation, as T5 has it: a scale, no mean and no bias."""

import jax
import jax.numpy as jnp
from flax import nnx

from gram_jax.nn.dense import make_param

_EPSILON = 1e-6


class RMSNorm(nnx.Module):
    """`inputs / rms(inputs) * scale`, the mean square taken in float32.

    Args:
      size: size of the last axis.
      dtype: dtype of the outputs.
      rngs: asked for by `make_param`; the scale starts at ones.
    """

    def __init__(self, size: int, *, dtype: jnp.dtype, rngs: nnx.Rngs):
        self.dtype = dtype
        self.scale = make_param(jax.nn.initializers.ones, (size,), ("embed",), rngs)

    def __call__(self, inputs: jax.Array) -> jax.Array:
        """[..., size] -> [..., size]."""
        wide = inputs.astype(jnp.float32)
        mean_square = jnp.mean(jnp.square(wide), axis=-1, keepdims=True)
        normal = (wide * jax.lax.rsqrt(mean_square + _EPSILON)).astype(self.dtype)
        return normal * self.scale[...].astype(self.dtype)
