"""A matrix product, and one with a bias. Knows nothing about what their axes mean."""

import math

import jax
import jax.numpy as jnp
from flax import nnx

from gram_jax.nn.parameter import Initial, declare


class Dense(nnx.Module):
    """`inputs @ kernel` over the last axis.

    Args:
      in_size: size of the inputs' last axis.
      out_size: size of the outputs' last axis.
      axes: logical names of the kernel's two axes.
      dtype: in which to compute.
      initial: how the kernel starts; by default a truncated normal of variance 1 / in_size.
    """

    def __init__(
        self,
        in_size: int,
        out_size: int,
        *,
        axes: tuple[str, str],
        dtype: jnp.dtype,
        initial: Initial | None = None,
    ):
        self.dtype = dtype
        initial = initial or Initial("truncated_normal", 1.0 / math.sqrt(in_size))
        self.kernel = declare((in_size, out_size), axes, initial)

    def __call__(self, inputs: jax.Array) -> jax.Array:
        """[..., in_size] -> [..., out_size]."""
        kernel = self.kernel[...].astype(self.dtype)
        # Over rows of one axis the kernel's gradient is a plain product; over several, XLA
        # first transposes the gradient of the outputs, which on a CPU costs more than the product.
        rows = inputs.reshape(-1, inputs.shape[-1]).astype(self.dtype)
        return (rows @ kernel).reshape(*inputs.shape[:-1], kernel.shape[-1])


class BiasedDense(Dense):
    """`inputs @ kernel + bias` over the last axis; the bias starts at 0.

    Args:
      in_size, out_size, axes, dtype, initial: as of `Dense`; the bias is named by the second axis.
    """

    def __init__(
        self,
        in_size: int,
        out_size: int,
        *,
        axes: tuple[str, str],
        dtype: jnp.dtype,
        initial: Initial | None = None,
    ):
        super().__init__(in_size, out_size, axes=axes, dtype=dtype, initial=initial)
        self.bias = declare((out_size,), axes[1:], Initial("zeros"))

    def __call__(self, inputs: jax.Array) -> jax.Array:
        """[..., in_size] -> [..., out_size]."""
        return super().__call__(inputs) + self.bias[...].astype(self.dtype)
