"""Multi-head attention with T5's conventions: an additive bias and no division by sqrt(head_dim).

The division is folded into the initial query kernel. Knows nothing about caches or stacks.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx

from gram_jax.nn.dense import Dense
from gram_jax.nn.dropout import DropoutStream, dropout
from gram_jax.nn.parameter import Initial
from gram_jax.nn.precision import at_least_float32

MASKED = -1e10
"""Added to the logit of a hidden key. Finite, so that a row that sees no key stays a number."""


class KeysValues(NamedTuple):
    """What queries attend to."""

    keys: jax.Array  # [batch, heads, keys, head_dim]
    values: jax.Array  # [batch, heads, keys, head_dim]


def split_heads(joined: jax.Array, num_heads: int) -> jax.Array:
    """[batch, length, heads * head_dim] -> [batch, heads, length, head_dim]."""
    batch, length, _ = joined.shape
    return joined.reshape(batch, length, num_heads, -1).swapaxes(1, 2)


def join_heads(split: jax.Array) -> jax.Array:
    """[batch, heads, length, head_dim] -> [batch, length, heads * head_dim]."""
    batch, _, length, _ = split.shape
    return split.swapaxes(1, 2).reshape(batch, length, -1)


def padding_bias(tokens: jax.Array) -> jax.Array:
    """int32 [batch, keys] -> float32 [batch, 1, 1, keys]: hides keys whose token is padding."""
    return jnp.where(tokens > 0, 0.0, MASKED)[:, None, None, :]


def causal_bias(length: int) -> jax.Array:
    """float32 [1, 1, length, length]: hides keys after the query."""
    positions = jnp.arange(length)
    return jnp.where(positions[:, None] >= positions[None, :], 0.0, MASKED)[None, None]


def attend(
    queries: jax.Array,
    keys_values: KeysValues,
    bias: jax.Array,
    *,
    dropout_rate: float = 0.0,
    stream: DropoutStream | None = None,
) -> jax.Array:
    """Weighs values by softmax(queries . keys + bias), the softmax in float32.

    Args:
      queries: [batch, heads, queries, head_dim].
      keys_values: what they attend to.
      bias: float32, broadcast to [batch, heads, queries, keys].
      dropout_rate: of the weights; a key lost is lost for all queries of a row.
      stream: random bytes, or None for no dropout.

    Returns:
      [batch, heads, queries, head_dim].
    """
    keys, values = keys_values
    logits = jnp.einsum("bhqd,bhkd->bhqk", queries, keys,
                        preferred_element_type=at_least_float32(keys.dtype))
    weights = jax.nn.softmax(logits + bias, axis=-1).astype(values.dtype)
    weights = dropout(weights, dropout_rate, stream)
    return jnp.einsum("bhqk,bhkd->bhqd", weights, values)


class Attention(nnx.Module):
    """Projections around `attend`.

    The kernels join heads and head_dim in one axis, heads first, as T5X stores them; to split
    that axis over devices is to split the heads, hence its name.

    Args:
      d_model: size of inputs and outputs.
      num_heads: number of heads.
      head_dim: size of a head.
      dropout_rate: of the attention weights.
      dtype: in which to compute.
    """

    def __init__(
        self,
        d_model: int,
        num_heads: int,
        head_dim: int,
        *,
        dropout_rate: float,
        dtype: jnp.dtype,
    ):
        self.num_heads = num_heads
        self.dropout_rate = dropout_rate
        joined = num_heads * head_dim
        project = functools.partial(Dense, d_model, joined, axes=("embed", "heads"), dtype=dtype)
        self.query = project(initial=Initial("normal", (d_model * head_dim) ** -0.5))
        self.key = project(initial=Initial("normal", d_model**-0.5))
        self.value = project(initial=Initial("normal", d_model**-0.5))
        self.out = Dense(
            joined,
            d_model,
            axes=("heads", "embed"),
            dtype=dtype,
            initial=Initial("normal", joined**-0.5),
        )

    def queries(self, inputs: jax.Array) -> jax.Array:
        """[batch, length, d_model] -> [batch, heads, length, head_dim]."""
        return split_heads(self.query(inputs), self.num_heads)

    def keys_values(self, source: jax.Array) -> KeysValues:
        """[batch, length, d_model] -> the keys and values of every position."""
        return KeysValues(*(split_heads(project(source), self.num_heads)
                            for project in (self.key, self.value)))

    def __call__(
        self,
        inputs: jax.Array,
        keys_values: KeysValues,
        bias: jax.Array,
        *,
        stream: DropoutStream | None = None,
    ) -> jax.Array:
        """Attends from `inputs` [batch, queries, d_model]; returns an array of that shape."""
        attended = attend(
            self.queries(inputs),
            keys_values,
            bias,
            dropout_rate=self.dropout_rate,
            stream=stream,
        )
        return self.out(join_heads(attended))
