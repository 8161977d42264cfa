"""In which dtype to sum: norms, softmax and logits are wider than what they are computed from."""

import jax.numpy as jnp


def at_least_float32(dtype: jnp.dtype) -> jnp.dtype:
    """float32, or float64 where the compute dtype is float64."""
    return jnp.promote_types(dtype, jnp.float32)
