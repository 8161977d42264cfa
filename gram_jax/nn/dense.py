"""A matrix product without bias. Knows nothing about what its axes mean.

Parameters are float32 whatever the compute dtype, and carry the logical names of their axes as
metadata, which `models.params.logical_axes` reads.
"""

import jax
import jax.numpy as jnp
from flax import nnx

Initializer = jax.nn.initializers.Initializer

fan_in_normal = jax.nn.initializers.variance_scaling(1.0, "fan_in", "normal")
fan_in_truncated_normal = jax.nn.initializers.variance_scaling(1.0, "fan_in", "truncated_normal")


def make_param(
    init: Initializer, shape: tuple[int, ...], axes: tuple[str, ...], rngs: nnx.Rngs
) -> nnx.Param:
    """A float32 parameter that knows its logical axis names."""
    return nnx.Param(init(rngs.params(), shape, jnp.float32), logical_axes=axes)


class Dense(nnx.Module):
    """`inputs @ kernel` over the last axis.

    Args:
      in_size: size of the inputs' last axis.
      out_size: size of the outputs' last axis.
      axes: logical names of the kernel's two axes.
      dtype: in which to compute.
      init: initializer of the kernel.
      rngs: its `params` stream draws the kernel.
    """

    def __init__(
        self,
        in_size: int,
        out_size: int,
        *,
        axes: tuple[str, str],
        dtype: jnp.dtype,
        rngs: nnx.Rngs,
        init: Initializer = fan_in_truncated_normal,
    ):
        self.dtype = dtype
        self.kernel = make_param(init, (in_size, out_size), axes, rngs)

    def __call__(self, inputs: jax.Array) -> jax.Array:
        """[..., in_size] -> [..., out_size]."""
        return jnp.matmul(inputs.astype(self.dtype), self.kernel[...].astype(self.dtype))
