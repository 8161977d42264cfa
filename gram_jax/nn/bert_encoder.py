"""BERT's encoder stack: learned positions, biases, and a norm after each sum instead of before.

Devlin et al., arXiv 1810.04805. Takes the place of `nn.encoder.Encoder`: the same call, the same
shapes. Texts have one segment here, so the table of segments has shrunk to its first row.
"""

import functools

import jax
import jax.numpy as jnp
from flax import nnx

from gram_jax.nn.attention import KeysValues, attend, join_heads, padding_bias, split_heads
from gram_jax.nn.dense import BiasedDense
from gram_jax.nn.dropout import DropoutStream, dropout
from gram_jax.nn.embeddings import Embedding
from gram_jax.nn.layer_stack import LayerStack
from gram_jax.nn.normalization import LayerNorm
from gram_jax.nn.parameter import Initial, declare

INITIAL_STDDEV = 0.02
"""Of every matrix and table of BERT, the words' among them."""


class BertAttention(nnx.Module):
    """Self-attention whose projections have biases and whose logits are divided by sqrt(head_dim).

    Args:
      d_model: size of inputs and outputs; the heads divide it.
      num_heads: number of heads.
      dropout_rate: of the attention weights.
      dtype: in which to compute.
    """

    def __init__(self, d_model: int, num_heads: int, *, dropout_rate: float, dtype: jnp.dtype):
        self.num_heads = num_heads
        self.scale = (d_model // num_heads) ** -0.5
        self.dropout_rate = dropout_rate
        dense = functools.partial(
            BiasedDense, d_model, d_model, dtype=dtype, initial=Initial("normal", INITIAL_STDDEV)
        )
        self.query, self.key, self.value = (dense(axes=("embed", "heads")) for _ in range(3))
        self.out = dense(axes=("heads", "embed"))

    def __call__(
        self, inputs: jax.Array, bias: jax.Array, *, stream: DropoutStream | None = None
    ) -> jax.Array:
        """[batch, length, d_model] -> the same; bias: float32 [batch, 1, 1, length]."""
        queries, keys, values = (
            split_heads(project(inputs), self.num_heads)
            for project in (self.query, self.key, self.value)
        )
        attended = attend(
            queries * self.scale,
            KeysValues(keys, values),
            bias,
            dropout_rate=self.dropout_rate,
            stream=stream,
        )
        return self.out(join_heads(attended))


class BertMlp(nnx.Module):
    """`wo(gelu(wi(x)))` with biases, GELU exact.

    Args:
      d_model: size of inputs and outputs.
      d_ff: size between.
      dtype: in which to compute.
    """

    def __init__(self, d_model: int, d_ff: int, *, dtype: jnp.dtype):
        dense = functools.partial(
            BiasedDense, dtype=dtype, initial=Initial("normal", INITIAL_STDDEV)
        )
        self.wi = dense(d_model, d_ff, axes=("embed", "mlp"))
        self.wo = dense(d_ff, d_model, axes=("mlp", "embed"))

    def __call__(self, inputs: jax.Array) -> jax.Array:
        """[..., d_model] -> the same."""
        return self.wo(jax.nn.gelu(self.wi(inputs), approximate=False))


class BertLayer(nnx.Module):
    """Self-attention, then feed-forward; each added to its input and the sum normalised."""

    def __init__(
        self,
        d_model: int,
        d_ff: int,
        num_heads: int,
        *,
        norm_epsilon: float,
        dropout_rate: float,
        dtype: jnp.dtype,
    ):
        self.dropout_rate = dropout_rate
        norm = functools.partial(LayerNorm, d_model, epsilon=norm_epsilon, dtype=dtype)
        self.attention = BertAttention(d_model, num_heads, dropout_rate=dropout_rate, dtype=dtype)
        self.attention_layer_norm = norm()
        self.mlp = BertMlp(d_model, d_ff, dtype=dtype)
        self.mlp_layer_norm = norm()

    def __call__(
        self, inputs: jax.Array, bias: jax.Array, *, stream: DropoutStream | None = None
    ) -> jax.Array:
        """[batch, length, d_model] -> the same; bias: float32 [batch, 1, 1, length]."""
        attended = self.attention(inputs, bias, stream=stream)
        inputs = self.attention_layer_norm(inputs + dropout(attended, self.dropout_rate, stream))
        changed = self.mlp(inputs)
        return self.mlp_layer_norm(inputs + dropout(changed, self.dropout_rate, stream))


class BertEncoder(LayerStack):
    """Layers above words, positions and a first norm.

    Args:
      num_layers: number of layers.
      d_model, d_ff, num_heads: sizes of a layer.
      num_positions: the longest text, in tokens.
      norm_epsilon: of the norms.
      dropout_rate: used only where a dropout key is given.
      dtype: in which to compute.
      scan_layers, remat: see `LayerStack.make_layers`.
    """

    def __init__(
        self,
        num_layers: int,
        d_model: int,
        d_ff: int,
        num_heads: int,
        *,
        num_positions: int,
        norm_epsilon: float,
        dropout_rate: float,
        dtype: jnp.dtype,
        scan_layers: bool = False,
        remat: str = "none",
    ):
        self.num_positions = num_positions
        self.dropout_rate = dropout_rate
        self.position_embedder = Embedding(
            num_positions, d_model, dtype=dtype, axis="positions", stddev=INITIAL_STDDEV
        )
        self.segment_embedding = declare(
            (d_model,), ("embed",), Initial("normal", INITIAL_STDDEV)
        )
        self.embedding_layer_norm = LayerNorm(d_model, epsilon=norm_epsilon, dtype=dtype)
        make_layer = functools.partial(
            BertLayer, d_model, d_ff, num_heads,
            norm_epsilon=norm_epsilon, dropout_rate=dropout_rate, dtype=dtype,
        )
        self.make_layers(make_layer, num_layers, scan_layers=scan_layers, remat=remat)

    def __call__(
        self, embedded: jax.Array, tokens: jax.Array, *, stream: DropoutStream | None = None
    ) -> jax.Array:
        """Encodes.

        Args:
          embedded: [batch, length, d_model] embeddings of `tokens`, as they were pretrained.
          tokens: int32 [batch, length]; 0 is padding, which no position sees.
          stream: random bytes, or None for no dropout.

        Returns:
          [batch, length, d_model].

        Raises:
          ValueError: the texts are longer than there are positions.
        """
        length = tokens.shape[1]
        if length > self.num_positions:
            raise ValueError(f"texts of {length} tokens do not fit an encoder of "
                             f"{self.num_positions} positions")
        bias = padding_bias(tokens)
        places = self.position_embedder(jnp.arange(length))
        segment = self.segment_embedding[...].astype(embedded.dtype)
        hidden = self.embedding_layer_norm(embedded + segment + places)
        hidden = dropout(hidden, self.dropout_rate, stream)
        return self.run_layers(
            lambda layer, hidden, stream: layer(hidden, bias, stream=stream), hidden, stream)
