"""Normalisation of the features of a position, as T5 has it and as BERT has it."""

import jax
import jax.numpy as jnp
from flax import nnx

from gram_jax.nn.parameter import Initial, declare
from gram_jax.nn.precision import at_least_float32

_EPSILON = 1e-6


class RMSNorm(nnx.Module):
    """`inputs / rms(inputs) * scale`, the mean square taken in float32: no mean and no bias.

    Args:
      size: size of the last axis.
      dtype: dtype of the outputs.
    """

    def __init__(self, size: int, *, dtype: jnp.dtype):
        self.dtype = dtype
        self.scale = declare((size,), ("embed",), Initial("ones"))

    def __call__(self, inputs: jax.Array) -> jax.Array:
        """[..., size] -> [..., size]."""
        wide = inputs.astype(at_least_float32(inputs.dtype))
        mean_square = jnp.mean(jnp.square(wide), axis=-1, keepdims=True)
        normal = (wide * jax.lax.rsqrt(mean_square + _EPSILON)).astype(self.dtype)
        return normal * self.scale[...].astype(self.dtype)


class LayerNorm(nnx.Module):
    """`(inputs - mean) / sqrt(variance + epsilon) * scale + bias`, the moments taken in float32.

    Ba et al., arXiv 1607.06450.

    Args:
      size: size of the last axis.
      epsilon: added to the variance.
      dtype: dtype of the outputs.
    """

    def __init__(self, size: int, *, epsilon: float, dtype: jnp.dtype):
        self.epsilon = epsilon
        self.dtype = dtype
        self.scale = declare((size,), ("embed",), Initial("ones"))
        self.bias = declare((size,), ("embed",), Initial("zeros"))

    def __call__(self, inputs: jax.Array) -> jax.Array:
        """[..., size] -> [..., size]."""
        wide = inputs.astype(at_least_float32(inputs.dtype))
        centred = wide - jnp.mean(wide, axis=-1, keepdims=True)
        variance = jnp.mean(jnp.square(centred), axis=-1, keepdims=True)
        normal = (centred * jax.lax.rsqrt(variance + self.epsilon)).astype(self.dtype)
        return normal * self.scale[...].astype(self.dtype) + self.bias[...].astype(self.dtype)
