"""T5 1.1: token ids in, logits out. Knows nothing about texts, codes, losses or beams.

Names of modules and parameters are T5X's, so that its checkpoints map one to one.
"""

import jax
import jax.numpy as jnp
from flax import nnx

from gram_jax.models.config import ModelConfig
from gram_jax.nn.attention import padding_bias
from gram_jax.nn.decoder import Decoder
from gram_jax.nn.dense import Dense
from gram_jax.nn.dropout import DropoutStream
from gram_jax.nn.embeddings import Embedding
from gram_jax.nn.encoder import Encoder


class EncoderDecoder(nnx.Module):
    """One embedding for both sides, an encoder, a decoder and its logits.

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
        }
        self.token_embedder = Embedding(config.vocab_size, config.d_model, dtype=dtype)
        self.encoder = Encoder(config.num_encoder_layers, *sizes, **shared)
        self.decoder = Decoder(config.num_decoder_layers, *sizes, **shared)
        if not config.tie_embeddings:
            self.decoder.logits_dense = Dense(
                config.d_model, config.vocab_size, axes=("embed", "vocab"),
                dtype=jnp.dtype("float32"),
            )
        self.tie_embeddings = config.tie_embeddings

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
        """Logits of every next token of known sequences.

        Args:
          encoded: [batch, encoder_length, d_model], from `encode`.
          encoder_tokens: int32 [batch, encoder_length], the tokens that were encoded.
          decoder_input_tokens: int32 [rows, length], starting with 0; rows is a multiple of
            batch, text by text: with n sequences for each text, rows n * i to n * (i + 1) - 1
            belong to text i.
          dropout_rng: a key, or None for no dropout.

        Returns:
          float32 [rows, length, vocab_size].
        """
        hidden = self.decoder(
            self.token_embedder(decoder_input_tokens),
            self.decoder.encoded_keys_values(encoded),
            padding_bias(encoder_tokens),
            stream=_stream(dropout_rng),
        )
        return self.logits(hidden)

    def logits(self, hidden: jax.Array) -> jax.Array:
        """[..., d_model] -> float32 [..., vocab_size]."""
        if self.tie_embeddings:
            return self.token_embedder.logits(hidden)
        return self.decoder.logits_dense(hidden)

    def __call__(
        self,
        encoder_input_tokens: jax.Array,
        decoder_input_tokens: jax.Array,
        *,
        dropout_rng: jax.Array | None = None,
    ) -> jax.Array:
        """`decode` after `encode`: float32 [rows, length, vocab_size] logits."""
        encoder_rng, decoder_rng = (
            (None, None) if dropout_rng is None else jax.random.split(dropout_rng)
        )
        encoded = self.encode(encoder_input_tokens, dropout_rng=encoder_rng)
        return self.decode(
            encoded, encoder_input_tokens, decoder_input_tokens, dropout_rng=decoder_rng
        )


def _stream(dropout_rng: jax.Array | None) -> DropoutStream | None:
    return None if dropout_rng is None else DropoutStream(dropout_rng)
