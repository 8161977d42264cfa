"""T5 and its family: token ids in, logits out. Knows nothing about texts, codes, losses or beams.

Names of modules and parameters are T5X's, so that its checkpoints map one to one. The encoder may
be BERT's instead; the decoder, which was not pretrained with it, then has a token table of its own,
whose rows start as T5's do and move as fast as the rest of the decoder.
"""

import dataclasses

import jax
import jax.numpy as jnp
from flax import nnx

from gram_jax.models.config import ModelConfig
from gram_jax.nn.activation_axes import constrain_axes
from gram_jax.nn.attention import padding_bias
from gram_jax.nn.bert_encoder import INITIAL_STDDEV, BertEncoder
from gram_jax.nn.decoder import Decoder
from gram_jax.nn.dense import Dense
from gram_jax.nn.dropout import DropoutStream
from gram_jax.nn.embeddings import Embedding
from gram_jax.nn.encoder import Encoder
from gram_jax.nn.precision import at_least_float32


class EncoderDecoder(nnx.Module):
    """One embedding for both sides, or one for each, an encoder, a decoder and its logits.

    Built without values; `models.params.bind` gives it some.

    Args:
      config: its sizes.
    """

    def __init__(self, config: ModelConfig):
        dtype = jnp.dtype(config.compute_dtype)
        sizes = (config.d_model, config.d_ff, config.num_heads, config.head_dim)
        shared = {
            "num_buckets": config.num_relative_buckets,
            "max_distance": config.max_relative_distance,
            "dropout_rate": config.dropout_rate,
            "dtype": dtype,
            "feed_forward": config.feed_forward,
            "per_layer_bias": config.per_layer_relative_bias,
        }
        execution = {"scan_layers": config.scan_layers, "remat": config.remat}
        self.decoder = Decoder(config.num_decoder_layers, *sizes, **shared, **execution)
        if config.encoder is None:
            self.token_embedder = Embedding(config.vocab_size, config.d_model, dtype=dtype)
            self.encoder = Encoder(config.num_encoder_layers, *sizes, **shared, **execution)
        else:
            self.token_embedder = Embedding(
                config.vocab_size, config.d_model, dtype=dtype, axis="words", stddev=INITIAL_STDDEV
            )
            self.encoder = BertEncoder(
                config.num_encoder_layers, config.d_model, dropout_rate=config.dropout_rate,
                dtype=dtype, **dataclasses.asdict(config.encoder), **execution,
            )
            self.decoder.token_embedder = Embedding(
                config.output_vocab_size, config.d_model, dtype=dtype
            )
        if not config.tie_embeddings:
            self.decoder.logits_dense = Dense(
                config.d_model, config.output_vocab_size, axes=("embed", "vocab"),
                dtype=at_least_float32(dtype),
            )
        self.config = config

    @property
    def code_embedder(self) -> Embedding:
        """The table of the tokens that the decoder reads."""
        return self.token_embedder if self.config.encoder is None else self.decoder.token_embedder

    def encode(self, tokens: jax.Array, *, dropout_rng: jax.Array | None = None) -> jax.Array:
        """Encodes int32 [batch, length] (0 is padding) to [batch, length, d_model]."""
        return self.encoder(self.token_embedder(tokens), tokens, stream=_stream(dropout_rng))

    def decode(
        self,
        encoded: jax.Array,
        encoder_tokens: jax.Array,
        decoder_input_tokens: jax.Array,
        *,
        dropout_rng: jax.Array | None = None,
    ) -> jax.Array:
        """Logits of every next token of known sequences: `logits` of `decode_hidden`.

        Args as there.

        Returns:
          float32 [rows, length, output_vocab_size].
        """
        return self.logits(self.decode_hidden(
            encoded, encoder_tokens, decoder_input_tokens, dropout_rng=dropout_rng))

    def decode_hidden(
        self,
        encoded: jax.Array,
        encoder_tokens: jax.Array,
        decoder_input_tokens: jax.Array,
        *,
        dropout_rng: jax.Array | None = None,
    ) -> jax.Array:
        """What the logits of every next token of known sequences are computed from.

        Args:
          encoded: [batch, encoder_length, d_model], from `encode`.
          encoder_tokens: int32 [batch, encoder_length], the tokens that were encoded.
          decoder_input_tokens: int32 [rows, length] below output_vocab_size, starting with 0; rows
            is a multiple of batch, text by text: with n sequences for each text, rows n * i to
            n * (i + 1) - 1 belong to text i.
          dropout_rng: a key, or None for no dropout.

        Returns:
          [rows, length, d_model].
        """
        return self.decoder(
            self.code_embedder(decoder_input_tokens),
            encoded,
            padding_bias(encoder_tokens),
            stream=_stream(dropout_rng),
        )

    def logits(self, hidden: jax.Array) -> jax.Array:
        """[..., d_model] -> float32 [..., output_vocab_size]."""
        if self.config.scales_logits:
            # The rows of a tied table have unit variance, those of logits a smaller one.
            hidden = hidden.astype(at_least_float32(hidden.dtype)) * hidden.shape[-1] ** -0.5
        if self.config.tie_embeddings:
            logits = self.code_embedder.logits(hidden, self.config.output_vocab_size)
        else:
            logits = self.decoder.logits_dense(hidden)
        return constrain_axes(logits, "batch", *(None,) * (logits.ndim - 2), "vocab")

    def __call__(
        self,
        encoder_input_tokens: jax.Array,
        decoder_input_tokens: jax.Array,
        *,
        dropout_rng: jax.Array | None = None,
    ) -> jax.Array:
        """`decode` after `encode`: float32 [rows, length, output_vocab_size] logits."""
        return self.logits(self.hidden(
            encoder_input_tokens, decoder_input_tokens, dropout_rng=dropout_rng))

    def hidden(
        self,
        encoder_input_tokens: jax.Array,
        decoder_input_tokens: jax.Array,
        *,
        dropout_rng: jax.Array | None = None,
    ) -> jax.Array:
        """`decode_hidden` after `encode`: [rows, length, d_model]."""
        encoder_rng, decoder_rng = (
            (None, None) if dropout_rng is None else jax.random.split(dropout_rng)
        )
        encoded = self.encode(encoder_input_tokens, dropout_rng=encoder_rng)
        return self.decode_hidden(
            encoded, encoder_input_tokens, decoder_input_tokens, dropout_rng=decoder_rng
        )


def _stream(dropout_rng: jax.Array | None) -> DropoutStream | None:
    return None if dropout_rng is None else DropoutStream(dropout_rng)
