"""Codes that are already known, token by token: what losses need, and log-probabilities."""

import jax
import jax.numpy as jnp

from gram_jax.models.encoder_decoder import EncoderDecoder
from gram_jax.models.losses import TokenLogits, token_logits, token_logits_in_chunks


def known_token_logits(
    model: EncoderDecoder, hidden: jax.Array, targets: jax.Array, *, with_total: bool = False
) -> TokenLogits:
    """What a loss needs of the logits of known tokens, as many at a time as the config says.

    Args:
      model: the model with its parameters.
      hidden: [rows, length, d_model], from `EncoderDecoder.decode_hidden`.
      targets: int32 [rows, length], the tokens that follow.
      with_total: as of `losses.token_logits`.

    Returns:
      Arrays [rows, length].
    """
    max_tokens = model.config.max_logit_tokens
    if max_tokens is None or targets.size <= max_tokens:
        return token_logits(model.logits(hidden), targets, with_total=with_total)
    return token_logits_in_chunks(
        model.logits, hidden, targets, max_tokens=max_tokens, with_total=with_total)


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
      4 * batch * codes * length * output_vocab_size bytes, or 4 * max_logit_tokens *
      output_vocab_size where the model's config sets a limit.
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
    hidden = model.decode_hidden(encoded, encoder_tokens, inputs)
    found = known_token_logits(model, hidden, targets)
    log_probs = jnp.where(targets > 0, found.target - found.log_normalizer, 0.0)
    return log_probs.reshape(code_tokens.shape)
