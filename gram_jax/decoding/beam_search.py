"""Beam search that can only say codes.

Knows a decoder that turns tokens into logits and a trie that says what exists; nothing of what
either was made from.

One compiled loop. Live beams (prefixes) and finished ones (codes) are kept apart: an ending
competes with endings only, so that no prefix is pushed out by a code or a code by a prefix. The
constraint comes after normalising, so that scores stay the model's log-probabilities.
"""

import functools
from typing import Literal

import jax
import jax.numpy as jnp

from gram_jax.core.protocols import Cache, Decoder
from gram_jax.decoding import constraints
from gram_jax.decoding.beam_state import (
    Beams,
    LiveBeams,
    keep_best,
    no_beams,
    root_beams,
    take_beams,
)
from gram_jax.decoding.constraints import (
    NORMALIZERS,
    Continuations,
    best_continuations,
    or_impossible,
)
from gram_jax.decoding.tails import end_tails, finish_tails
from gram_jax.trie.code_trie import NO_CODE, CodeTrie
from gram_jax.trie.lookup import Choices, choices, is_tail

_FEW_BEAMS = 3
"""Where only one beam in so many is alive in each row, a step leaves the others out."""


@functools.partial(jax.jit, static_argnames=("beam_size", "normalize", "endings"))
def beam_search(
    decoder: Decoder,
    trie: CodeTrie,
    encoder_input_tokens: jax.Array,
    *,
    beam_size: int,
    normalize: Literal["vocabulary", "allowed"] = "vocabulary",
    endings: Literal["all", "ranked"] = "all",
) -> Beams:
    """The codes of the trie that beam search finds most probable after each query.

    With at least as many beams as codes the result is every code of non-zero probability, in
    order. Equal scores are ordered: the shorter code, then the one whose prefix ranked higher.

    Args:
      decoder: a pytree with the methods of `core.protocols.Decoder`.
      trie: the codes that exist.
      encoder_input_tokens: int32 [batch, encoder_length], 0 is padding. A row of padding alone is
        no query and gets no beams.
      beam_size: live beams kept, and codes returned, for each query.
      normalize: over what a token's probability sums to 1: the whole vocabulary, which makes
        scores those of the model, or what the trie allows at that point.
      endings: which codes that end at a step count: "all", or as transformers has it those
        "ranked" among the step's best `beam_size` of codes and longer prefixes together.

    Returns:
      Codes, best first; fewer are alive where fewer were found.

    Raises:
      ValueError: an argument is out of range or the trie has tokens that the decoder lacks.
    """
    if beam_size < 1:
        raise ValueError(f"beam_size is {beam_size}; it must be at least 1")
    if normalize not in NORMALIZERS:
        raise ValueError(f"normalize is {normalize!r}; known are {sorted(NORMALIZERS)}")
    if endings not in ("all", "ranked"):
        raise ValueError(f"endings is {endings!r}; known are 'all' and 'ranked'")
    if encoder_input_tokens.ndim != 2:
        raise ValueError("encoder_input_tokens must be [batch, encoder_length], not of shape "
                         f"{encoder_input_tokens.shape}")
    batch_size, length = encoder_input_tokens.shape[0], trie.max_depth

    def takes_steps(state) -> jax.Array:
        position, live, _, _ = state
        is_live = live.log_probs > -jnp.inf
        # Of tails that only have to end, a step of single tokens scores the end at less cost.
        to_search = is_live & ~is_tail(trie, live.nodes)
        to_end = is_live & (choices(trie, live.nodes, position).ended_codes != NO_CODE)
        return (position < length) & (to_search.any() | (to_end == is_live).all() & is_live.any())

    def step(state):
        position, live, finished, cache = state
        tokens = _last_tokens(live.tokens, position)
        logits, cache = decoder.step(cache, tokens[..., None], position)
        logits = logits[:, :, 0]
        allowed = choices(trie, live.nodes, position)
        normalizers = NORMALIZERS[normalize](trie, allowed, live.log_probs > -jnp.inf, logits)
        new = best_continuations(trie, allowed, live.log_probs, logits, normalizers,
                                 beam_size=beam_size)
        ended = constraints.endings(trie, allowed, live.log_probs, logits, normalizers)
        if endings == "ranked":
            ended = _ranked(*ended, new.log_probs)
        finished = _finish(trie, live, finished, allowed, *ended, position)
        live = _go_on(live, finished, new, position)
        return position + 1, live, finished, decoder.reorder(cache, new.parents)

    few = -(-beam_size // _FEW_BEAMS)

    def is_few(state) -> jax.Array:
        _, live, _, _ = state
        return (live.log_probs > -jnp.inf).sum(axis=1).max() <= few

    def steps(state):
        """Steps of all beams; then, while only so few are alive, of the first: they are in order.

        Two loops and not a condition in one, because a condition copies the cache.
        """
        state = jax.lax.while_loop(
            lambda state: takes_steps(state) & ~is_few(state), step, state)
        return jax.lax.while_loop(
            lambda state: takes_steps(state) & is_few(state),
            lambda state: step(_first_beams(decoder, state, few)), state)

    has_query = (encoder_input_tokens != 0).any(axis=1)
    cache = decoder.prefill(encoder_input_tokens, max_length=length, max_beams=beam_size)
    _check_vocabulary(decoder, trie, cache, batch_size)
    # The first step has one beam a row, the empty prefix, and costs as much less.
    state = step((jnp.int32(0), root_beams(has_query, length),
                  no_beams(batch_size, beam_size, length), cache))
    position, live, finished, cache = jax.lax.while_loop(takes_steps, steps, state)
    if normalize == "allowed":
        return end_tails(trie, live, finished, position)
    return finish_tails(decoder, trie, cache, live, finished, position)


def _check_vocabulary(decoder: Decoder, trie: CodeTrie, cache: Cache, batch_size: int) -> None:
    logits, _ = jax.eval_shape(decoder.step, cache, jnp.zeros((batch_size, 1, 1), jnp.int32), 0)
    if trie.vocab_size > logits.shape[-1]:
        raise ValueError(f"the trie's tokens are below {trie.vocab_size} but the decoder has "
                         f"logits for {logits.shape[-1]}")


def _first_beams(decoder: Decoder, state, num_beams: int):
    """The state of a search with the first live beams only; what is finished stays."""
    position, live, finished, cache = state
    batch_size = live.log_probs.shape[0]
    first = jnp.broadcast_to(jnp.arange(num_beams), (batch_size, num_beams))
    return (position, jax.tree.map(lambda leaf: leaf[:, :num_beams], live), finished,
            decoder.reorder(cache, first))


def _last_tokens(tokens: jax.Array, position: jax.Array) -> jax.Array:
    """The tokens at `position - 1`, int32 [batch, beam]; the start token 0 at position 0."""
    last = jax.lax.dynamic_index_in_dim(tokens, position - 1, axis=2, keepdims=False)
    return jnp.where(position == 0, 0, last)


def _ranked(
    token_log_probs: jax.Array, log_probs: jax.Array, continued: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """The endings that are among the best of endings and continuations together.

    As many are best as there are continuations. Where only tails are left that is all of them, so
    that it does not matter when they end.

    Args:
      token_log_probs: float32 [batch, live_beam], of EOS.
      log_probs: float32 [batch, live_beam], of the codes that it ends.
      continued: float32 [batch, beam], of the best continuations, best first.

    Returns:
      Both of the endings, -inf in the second where one does not count.
    """
    both = jnp.concatenate([log_probs, continued], axis=1)
    worst = jax.lax.top_k(both, continued.shape[1])[0][:, -1:]
    return token_log_probs, or_impossible(log_probs, log_probs >= worst)


def _finish(
    trie: CodeTrie,
    live: LiveBeams,
    finished: Beams,
    allowed: Choices,
    token_log_probs: jax.Array,
    log_probs: jax.Array,
    position: jax.Array,
) -> Beams:
    """The best of what was finished before and the codes that end at `position`."""
    ended = log_probs > -jnp.inf
    fresh = Beams(
        tokens=_write(live.tokens, jnp.full(ended.shape, trie.eos_id, jnp.int32), ended, position),
        token_log_probs=_write(live.token_log_probs, token_log_probs, ended, position),
        log_probs=log_probs,
        code_ids=jnp.where(ended, allowed.ended_codes, NO_CODE),
        alive=ended,
    )
    return keep_best(finished, fresh)


def _go_on(
    live: LiveBeams, finished: Beams, new: Continuations, position: jax.Array
) -> LiveBeams:
    """The prefixes that continue into `new`, without those that are beaten already."""
    # Log-probabilities only fall: a prefix that does not beat the worst of a full pool never will.
    is_live = new.log_probs > finished.log_probs[:, -1:]
    parents = take_beams(live, new.parents)
    return LiveBeams(
        tokens=_write(parents.tokens, new.tokens, is_live, position),
        token_log_probs=_write(parents.token_log_probs, new.token_log_probs, is_live, position),
        log_probs=or_impossible(new.log_probs, is_live),
        nodes=new.nodes,
    )


def _write(rows: jax.Array, values: jax.Array, keep: jax.Array, position: jax.Array) -> jax.Array:
    """`rows` [batch, beam, length] with `values` at `position`; all zeros where not `keep`."""
    at_position = jnp.arange(rows.shape[2]) == position
    return jnp.where(keep[..., None], jnp.where(at_position, values[..., None], rows), 0)
