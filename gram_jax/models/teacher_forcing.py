"""Log-probabilities of codes that are already known, token by token."""

import jax
import jax.numpy as jnp

from gram_jax.models.encoder_decoder import EncoderDecoder
from gram_jax.models.losses import target_and_normalizer


def code_token_log_probs(
    model: EncoderDecoder, encoder_tokens: jax.Array, code_tokens: jax.Array
) -> jax.Array:
    """log p(c_i | text, c_<i) for every token of every code, each text encoded once.

    Args:
      model: the model with its parameters.
      encoder_tokens: int32 [batch, encoder_length]; 0 is padding.
      code_tokens: int32 [batch, codes, length], n codes for each text with their EOS; 0 is
        padding and may fill whole codes.

    Returns:
      float32 [batch, codes, length], 0 where padded. The logits behind it take
      4 * batch * codes * length * output_vocab_size bytes.
    """
    encoded = model.encode(encoder_tokens)
    return encoded_code_token_log_probs(model, encoded, encoder_tokens, code_tokens)


def encoded_code_token_log_probs(
    model: EncoderDecoder, encoded: jax.Array, encoder_tokens: jax.Array, code_tokens: jax.Array
) -> jax.Array:
    """`code_token_log_probs` of texts that are encoded already: [batch, encoder_length, d_model].

    What stands where a text has padding does not matter.
    """
    targets = code_tokens.reshape(-1, code_tokens.shape[-1])
    inputs = jnp.pad(targets, ((0, 0), (1, 0)))[:, :-1]
    logits = model.decode(encoded, encoder_tokens, inputs)
    target_logits, log_normalizers = target_and_normalizer(logits, targets)
    log_probs = jnp.where(targets > 0, target_logits - log_normalizers, 0.0)
    return log_probs.reshape(code_tokens.shape)
