"""The decoder stack: causal self-attention, then attention to the encoded text.

Serves two ways: all positions of known codes at once, and the next positions of all beams.
"""

import functools

import jax
import jax.numpy as jnp
from flax import nnx

from gram_jax.nn import kv_cache
from gram_jax.nn.attention import Attention, KeysValues, causal_bias
from gram_jax.nn.dropout import DropoutStream, dropout
from gram_jax.nn.layer_stack import LayerStack
from gram_jax.nn.mlp import MLPS
from gram_jax.nn.normalization import RMSNorm
from gram_jax.nn.relative_position import RelativePositionBias, layer_bias


class DecoderLayer(nnx.Module):
    """Self-attention, attention to the encoder, feed-forward; each normalised before and added."""

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
        self.pre_self_attention_layer_norm = norm()
        self.self_attention = Attention(d_model, num_heads, head_dim, **inner)
        self.pre_cross_attention_layer_norm = norm()
        self.encoder_decoder_attention = Attention(d_model, num_heads, head_dim, **inner)
        self.pre_mlp_layer_norm = norm()
        self.mlp = MLPS[feed_forward](d_model, d_ff, **inner)

    def __call__(
        self,
        inputs: jax.Array,
        self_bias: jax.Array,
        encoded: KeysValues,
        encoder_bias: jax.Array,
        *,
        stream: DropoutStream | None = None,
    ) -> jax.Array:
        """[rows, length, d_model] -> the same; see `Decoder.__call__` for rows and batch."""
        normal = self.pre_self_attention_layer_norm(inputs)
        keys_values = self.self_attention.keys_values(normal)
        attended = self.self_attention(normal, keys_values, self_bias, stream=stream)
        inputs = inputs + dropout(attended, self.dropout_rate, stream)
        attended = self._attend_to_encoder(inputs, encoded, encoder_bias, stream)
        inputs = inputs + dropout(attended, self.dropout_rate, stream)
        changed = self.mlp(self.pre_mlp_layer_norm(inputs), stream=stream)
        return inputs + dropout(changed, self.dropout_rate, stream)

    def step(
        self,
        inputs: jax.Array,
        past: KeysValues,
        slots: jax.Array,
        self_bias: jax.Array,
        encoded: KeysValues,
        encoder_bias: jax.Array,
        position: jax.Array,
    ) -> tuple[jax.Array, KeysValues]:
        """Some positions of all beams: [batch, beams, num, d_model] -> the same, the new past.

        `past` is this layer's and `slots` say which of it each beam sees, the new positions
        included.
        """
        rows = inputs.reshape(-1, *inputs.shape[2:])
        normal = self.pre_self_attention_layer_norm(rows)
        fresh = self.self_attention.keys_values(normal)
        by_beam = inputs.shape[:2]
        past = kv_cache.write(
            past, KeysValues(*(array.reshape(by_beam + array.shape[1:]) for array in fresh)),
            position,
        )
        seen = KeysValues(*(array.reshape(-1, *array.shape[2:])
                            for array in kv_cache.seen(past, slots)))
        attended = self.self_attention(normal, seen, self_bias)
        inputs = inputs + attended.reshape(inputs.shape)
        inputs = inputs + self._attend_to_encoder(inputs, encoded, encoder_bias, None)
        return inputs + self.mlp(self.pre_mlp_layer_norm(inputs)), past

    def _attend_to_encoder(self, inputs, encoded, encoder_bias, stream):
        """All rows that share an encoded text attend to it in one matrix product."""
        normal = self.pre_cross_attention_layer_norm(inputs)
        by_text = normal.reshape(encoded.keys.shape[0], -1, normal.shape[-1])
        attended = self.encoder_decoder_attention(by_text, encoded, encoder_bias, stream=stream)
        return attended.reshape(inputs.shape)


class Decoder(LayerStack):
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
        self.num_heads = num_heads
        self.head_dim = head_dim
        self.dropout_rate = dropout_rate
        self.dtype = dtype
        self.per_layer_bias = per_layer_bias
        position_bias = functools.partial(
            RelativePositionBias,
            num_heads,
            num_buckets=num_buckets,
            max_distance=max_distance,
            bidirectional=False,
        )
        if not per_layer_bias:
            self.relpos_bias = position_bias()

        def make_layer() -> DecoderLayer:
            layer = DecoderLayer(
                d_model, d_ff, num_heads, head_dim,
                dropout_rate=dropout_rate, dtype=dtype, feed_forward=feed_forward,
            )
            if per_layer_bias:
                layer.relpos_bias = position_bias()
            return layer

        self.make_layers(make_layer, num_layers, scan_layers=scan_layers, remat=remat)
        self.decoder_norm = RMSNorm(d_model, dtype=dtype)

    def encoded_keys_values(self, encoded: jax.Array) -> tuple[KeysValues, ...]:
        """What each layer attends to in the encoded texts [batch, encoder_length, d_model]."""
        return tuple(layer.encoder_decoder_attention.keys_values(encoded)
                     for layer in self.each_layer())

    def __call__(
        self,
        embedded: jax.Array,
        encoded: jax.Array,
        encoder_bias: jax.Array,
        *,
        stream: DropoutStream | None = None,
    ) -> jax.Array:
        """Decodes all positions of known tokens.

        Args:
          embedded: [rows, length, d_model] embeddings of the input tokens, where rows is batch
            times the number of sequences for each encoded text, text by text.
          encoded: [batch, encoder_length, d_model] of the texts.
          encoder_bias: float32 [batch, 1, 1, encoder_length], hides the texts' padding.
          stream: random bytes, or None for no dropout.

        Returns:
          [rows, length, d_model].
        """
        positions = jnp.arange(embedded.shape[1])
        bias_of = layer_bias(self, positions, positions, causal_bias(embedded.shape[1]))

        def apply(layer: DecoderLayer, hidden: jax.Array, stream: DropoutStream | None):
            # Not before the layers: keys and values of all of them would be kept at once.
            keys_values = layer.encoder_decoder_attention.keys_values(encoded)
            return layer(hidden, bias_of(layer), keys_values, encoder_bias, stream=stream)

        hidden = dropout(embedded, self.dropout_rate, stream)
        hidden = self.run_layers(apply, hidden, stream)
        return dropout(self.decoder_norm(hidden), self.dropout_rate, stream)

    def empty_past(self, batch: int, max_beams: int, max_length: int) -> kv_cache.Past:
        """Room for `max_length` positions of `max_beams` beams a text; there is one so far."""
        return kv_cache.empty_past(self.num_layers, batch, max_beams, self.num_heads, max_length,
                                   self.head_dim, self.dtype)

    def step(
        self,
        embedded: jax.Array,
        past: kv_cache.Past,
        encoded: tuple[KeysValues, ...],
        encoder_bias: jax.Array,
        position: jax.Array,
    ) -> tuple[jax.Array, kv_cache.Past]:
        """Decodes some positions of all beams, which follow those decoded before.

        Args:
          embedded: [batch, beams, num, d_model] embeddings of the tokens at `position` and after.
          past: what `empty_past` or the step before returned.
          encoded: for each layer the keys and values of the texts.
          encoder_bias: float32 [batch, 1, 1, encoder_length].
          position: int32 [], of the first of them.

        Returns:
          [batch, beams, num, d_model] and the new past.
        """
        positions = position + jnp.arange(embedded.shape[2])
        keys = jnp.arange(past.slots.shape[2])
        slots = kv_cache.own_slots(past.slots, position, embedded.shape[2])
        bias_of = layer_bias(self, positions, keys, kv_cache.past_bias(positions, keys))
        hidden, written = embedded, []
        for i, layer in enumerate(self.each_layer()):
            hidden, longer = layer.step(
                hidden, past.layers[i], slots, bias_of(layer), encoded[i], encoder_bias, position
            )
            written.append(longer)
        return self.decoder_norm(hidden), kv_cache.Past(tuple(written), slots)
