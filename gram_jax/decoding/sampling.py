"""Draws token sequences from a decoder, with nothing that they must spell.

Beam search says what is most probable, and says it over and over; what shoppers might type is many
different things. Knows a `Decoder`; nothing of tries or of what the tokens mean.
"""

import functools

import jax
import jax.numpy as jnp

from gram_jax.core.protocols import Decoder


@functools.partial(jax.jit, static_argnames=("num_samples", "max_length", "eos_id", "top_k",
                                             "forbidden"))
def sample(decoder: Decoder, encoder_input_tokens: jax.Array, numbers: jax.Array,
           seed: jax.Array | int, *, num_samples: int, max_length: int, eos_id: int,
           top_k: int = 10, temperature: jax.Array | float = 1.0,
           forbidden: tuple[int, ...] = ()) -> jax.Array:
    """Sequences whose tokens are drawn among the most probable (Fan et al., arXiv 1805.04833).

    What is drawn for a text depends on seed, text and number, not on the texts beside it.

    Args:
      decoder: what is drawn from.
      encoder_input_tokens: int32 [batch, encoder_length]; 0 is padding.
      numbers: int32 [batch], of the texts; texts of one number have draws in common.
      seed: int32 [].
      num_samples: sequences a text.
      max_length: tokens of a sequence; one that has not ended by then is cut.
      eos_id: ends a sequence.
      top_k: a token is drawn among so many; 1 takes the most probable always.
      temperature: above 0, divides the logits; the lower, the more the probable ones come.
      forbidden: ids that are never drawn, besides padding.

    Returns:
      int32 [batch, num_samples, max_length], EOS included, 0 after it; all 0 for a text of padding
      alone.
    """
    batch_size, shape = len(encoder_input_tokens), (len(encoder_input_tokens), num_samples)
    keys = jax.vmap(lambda number: jax.random.fold_in(jax.random.key(seed), number))(numbers)

    def draw(logits: jax.Array, position: jax.Array) -> jax.Array:
        """int32 [batch, samples] from float32 [batch, 1 or samples, vocab]."""
        allowed = logits.at[..., jnp.array([0, *forbidden])].set(-jnp.inf)
        best, tokens = jax.lax.top_k(allowed, min(top_k, logits.shape[-1]))
        noise = jax.vmap(lambda key: jax.random.gumbel(
            jax.random.fold_in(key, position), (num_samples, best.shape[-1])))(keys)
        chosen = jnp.argmax(best / temperature + noise, axis=-1)
        tokens = jnp.broadcast_to(tokens, noise.shape)
        return jnp.take_along_axis(tokens, chosen[..., None], axis=-1)[..., 0]

    def write(drawn, tokens, ended, position):
        drawn = jnp.where(ended, 0, drawn)
        tokens = jax.lax.dynamic_update_slice(tokens, drawn[..., None], (0, 0, position))
        return drawn, tokens, ended | (drawn == eos_id), position + 1

    def step(state):
        last, tokens, ended, position, cache = state
        logits, cache = decoder.step(cache, last[..., None], position)
        return *write(draw(logits[:, :, 0], position), tokens, ended, position), cache

    # The first step has one beam a text: all samples start alike.
    cache = decoder.prefill(encoder_input_tokens, max_length=max_length, max_beams=num_samples)
    start = jnp.int32(0)
    logits, cache = decoder.step(cache, jnp.zeros((batch_size, 1, 1), jnp.int32), start)
    nothing = ~(encoder_input_tokens != 0).any(axis=1)
    first = write(draw(logits[:, :, 0], start), jnp.zeros((*shape, max_length), jnp.int32),
                  jnp.broadcast_to(nothing[:, None], shape), start)
    _, tokens, _, _, _ = jax.lax.while_loop(
        lambda state: (state[3] < max_length) & ~state[2].all(), step,
        (*first, decoder.reorder(cache, jnp.zeros(shape, jnp.int32))))
    return tokens
