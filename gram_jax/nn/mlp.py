"""The feed-forward blocks of T5 1.1, a GELU gate times a linear path, and of T5, a plain ReLU."""

import jax
import jax.numpy as jnp
from flax import nnx

from gram_jax.nn.dense import Dense
from gram_jax.nn.dropout import DropoutStream, dropout


class GatedMlp(nnx.Module):
    """`wo(dropout(gelu(wi_0(x)) * wi_1(x)))`, GELU in its tanh approximation.

    Args:
      d_model: size of inputs and outputs.
      d_ff: size between.
      dropout_rate: of the features between.
      dtype: in which to compute.
    """

    def __init__(self, d_model: int, d_ff: int, *, dropout_rate: float, dtype: jnp.dtype):
        self.dropout_rate = dropout_rate
        self.wi_0 = Dense(d_model, d_ff, axes=("embed", "mlp"), dtype=dtype)
        self.wi_1 = Dense(d_model, d_ff, axes=("embed", "mlp"), dtype=dtype)
        self.wo = Dense(d_ff, d_model, axes=("mlp", "embed"), dtype=dtype)

    def __call__(self, inputs: jax.Array, *, stream: DropoutStream | None = None) -> jax.Array:
        """[..., length, d_model] -> the same."""
        gated = jax.nn.gelu(self.wi_0(inputs), approximate=True) * self.wi_1(inputs)
        return self.wo(dropout(gated, self.dropout_rate, stream))


class ReluMlp(nnx.Module):
    """`wo(dropout(relu(wi(x))))`.

    Args:
      d_model: size of inputs and outputs.
      d_ff: size between.
      dropout_rate: of the features between.
      dtype: in which to compute.
    """

    def __init__(self, d_model: int, d_ff: int, *, dropout_rate: float, dtype: jnp.dtype):
        self.dropout_rate = dropout_rate
        self.wi = Dense(d_model, d_ff, axes=("embed", "mlp"), dtype=dtype)
        self.wo = Dense(d_ff, d_model, axes=("mlp", "embed"), dtype=dtype)

    def __call__(self, inputs: jax.Array, *, stream: DropoutStream | None = None) -> jax.Array:
        """[..., length, d_model] -> the same."""
        return self.wo(dropout(jax.nn.relu(self.wi(inputs)), self.dropout_rate, stream))


MLPS = {"gated-gelu": GatedMlp, "relu": ReluMlp}
"""The blocks by the names that configs have for them."""
