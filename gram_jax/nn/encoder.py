"""The encoder stack: every position sees every position that is not padding."""

import functools

import jax
import jax.numpy as jnp
from flax import nnx

from gram_jax.nn.attention import Attention, padding_bias
from gram_jax.nn.dropout import DropoutStream, dropout
from gram_jax.nn.layer_stack import LayerStack
from gram_jax.nn.mlp import MLPS
from gram_jax.nn.normalization import RMSNorm
from gram_jax.nn.relative_position import RelativePositionBias, layer_bias


class EncoderLayer(nnx.Module):
    """Self-attention, then feed-forward; each normalised before and added to its input."""

    def __init__(
        self,
        d_model: int,
        d_ff: int,
        num_heads: int,
        head_dim: int,
        *,
        dropout_rate: float,
        dtype: jnp.dtype,
        feed_forward: str,
    ):
        self.dropout_rate = dropout_rate
        norm = functools.partial(RMSNorm, d_model, dtype=dtype)
        inner = {"dropout_rate": dropout_rate, "dtype": dtype}
        self.pre_attention_layer_norm = norm()
        self.attention = Attention(d_model, num_heads, head_dim, **inner)
        self.pre_mlp_layer_norm = norm()
        self.mlp = MLPS[feed_forward](d_model, d_ff, **inner)

    def __call__(
        self, inputs: jax.Array, bias: jax.Array, *, stream: DropoutStream | None = None
    ) -> jax.Array:
        """[batch, length, d_model] -> the same; bias: float32 [batch, heads, length, length]."""
        normal = self.pre_attention_layer_norm(inputs)
        keys_values = self.attention.keys_values(normal)
        attended = self.attention(normal, keys_values, bias, stream=stream)
        inputs = inputs + dropout(attended, self.dropout_rate, stream)
        changed = self.mlp(self.pre_mlp_layer_norm(inputs), stream=stream)
        return inputs + dropout(changed, self.dropout_rate, stream)


class Encoder(LayerStack):
    """Layers, position biases, and a final norm.

    Args:
      num_layers: number of layers.
      d_model, d_ff, num_heads, head_dim: sizes of a layer.
      num_buckets, max_distance: of the relative position bias.
      dropout_rate: used only where a dropout key is given.
      dtype: in which to compute.
      feed_forward: which of `nn.mlp.MLPS`.
      per_layer_bias: whether every layer has a position bias; otherwise all share one.
      scan_layers, remat: see `LayerStack.make_layers`.
    """

    def __init__(
        self,
        num_layers: int,
        d_model: int,
        d_ff: int,
        num_heads: int,
        head_dim: int,
        *,
        num_buckets: int,
        max_distance: int,
        dropout_rate: float,
        dtype: jnp.dtype,
        feed_forward: str = "gated-gelu",
        per_layer_bias: bool = False,
        scan_layers: bool = False,
        remat: str = "none",
    ):
        self.dropout_rate = dropout_rate
        self.per_layer_bias = per_layer_bias
        position_bias = functools.partial(
            RelativePositionBias,
            num_heads,
            num_buckets=num_buckets,
            max_distance=max_distance,
            bidirectional=True,
        )
        if not per_layer_bias:
            self.relpos_bias = position_bias()

        def make_layer() -> EncoderLayer:
            layer = EncoderLayer(
                d_model, d_ff, num_heads, head_dim,
                dropout_rate=dropout_rate, dtype=dtype, feed_forward=feed_forward,
            )
            if per_layer_bias:
                layer.relpos_bias = position_bias()
            return layer

        self.make_layers(make_layer, num_layers, scan_layers=scan_layers, remat=remat)
        self.encoder_norm = RMSNorm(d_model, dtype=dtype)

    def __call__(
        self, embedded: jax.Array, tokens: jax.Array, *, stream: DropoutStream | None = None
    ) -> jax.Array:
        """Encodes.

        Args:
          embedded: [batch, length, d_model] embeddings of `tokens`.
          tokens: int32 [batch, length]; 0 is padding, which no position sees.
          stream: random bytes, or None for no dropout.

        Returns:
          [batch, length, d_model].
        """
        positions = jnp.arange(tokens.shape[1])
        bias_of = layer_bias(self, positions, positions, padding_bias(tokens))
        hidden = self.run_layers(
            lambda layer, hidden, stream: layer(hidden, bias_of(layer), stream=stream),
            dropout(embedded, self.dropout_rate, stream), stream)
        return dropout(self.encoder_norm(hidden), self.dropout_rate, stream)
