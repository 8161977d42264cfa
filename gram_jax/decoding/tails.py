"""Finishes prefixes that only one code goes on from: there is nothing left to search.

Knows beams at the tails of a trie and a decoder; nothing of how they got there. A beam that shares
its prefix with no other code can only become that code, so its remaining tokens are known and are
scored several at a time, each pass over the model's weights doing the work of several steps.
"""

import dataclasses

import jax
import jax.numpy as jnp

from gram_jax.core.protocols import Cache, Decoder
from gram_jax.decoding.beam_state import Beams, LiveBeams, keep_best, take_beams
from gram_jax.decoding.constraints import or_impossible
from gram_jax.trie.code_trie import NO_CODE, CodeTrie
from gram_jax.trie.lookup import tail_code

_ROWS_A_PASS = 64
"""Tokens of a pass, about: few more cost a pass over the weights little, far fewer waste it."""

_MAX_PASS = 8


def pass_length(num_beams: int) -> int:
    """How many tokens of each beam are scored together, of `num_beams` in the whole batch."""
    return max(2, min(_MAX_PASS, _ROWS_A_PASS // num_beams))


def finish_tails(decoder: Decoder, trie: CodeTrie, cache: Cache, live: LiveBeams, finished: Beams,
                 position: jax.Array) -> Beams:
    """What is finished once every live beam, all of them at tails, has come to its end.

    Args:
      decoder: gives the tokens' probabilities over its vocabulary.
      trie: the codes.
      cache: has seen all tokens of the beams but the last; it has room for
        `trie.max_depth + pass_length(batch * beam)` of them.
      live: beams of which those alive are at tails.
      finished: codes found before.
      position: int32 [], tokens that the live beams have.
    """
    live = _whole(trie, live, position)
    length = pass_length(live.log_probs.size)
    # A column before the first for the start token, and room to read a whole pass at any place.
    known = jnp.pad(live.tokens, ((0, 0), (0, 0), (1, length)))

    def is_unfinished(state) -> jax.Array:
        position, live, _, _ = state
        return (position < trie.max_depth) & (live.log_probs > -jnp.inf).any()

    def score(state):
        position, live, finished, cache = state
        inputs, targets = (jax.lax.dynamic_slice_in_dim(known, position + shift, length, axis=2)
                           for shift in (0, 1))
        logits, cache = decoder.step(cache, inputs, position)
        token_log_probs = (jnp.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
                           - jax.nn.logsumexp(logits, axis=-1))
        live = _longer(live, jnp.where(targets == 0, 0.0, token_log_probs), position)
        live, finished = _part(trie, targets, live, finished)
        return position + length, live, finished, cache

    state = (position, live, finished, cache)
    _, _, finished, _ = jax.lax.while_loop(is_unfinished, score, state)
    return finished


def end_tails(trie: CodeTrie, live: LiveBeams, finished: Beams, position: jax.Array) -> Beams:
    """`finish_tails` where only what the trie allows counts: every token left is certain."""
    live = _whole(trie, live, position)
    return _part(trie, live.tokens, live, finished)[1]


def _whole(trie: CodeTrie, live: LiveBeams, position: jax.Array) -> LiveBeams:
    """The beams with all tokens of the codes that they will become."""
    is_left = jnp.arange(trie.max_depth) >= position
    codes = trie.code_tokens[jnp.maximum(tail_code(trie, live.nodes), 0)]
    is_live = (live.log_probs > -jnp.inf)[..., None]
    return dataclasses.replace(live, tokens=jnp.where(is_left & is_live, codes, live.tokens))


def _longer(live: LiveBeams, token_log_probs: jax.Array, position: jax.Array) -> LiveBeams:
    """The beams with the scores of a run of tokens, float32 [batch, beam, num], at `position`."""
    num, log_probs = token_log_probs.shape[2], live.log_probs
    for place in range(num):  # one after the other, so that sums round as those of single steps
        log_probs = log_probs + token_log_probs[:, :, place]
    at = jnp.arange(live.token_log_probs.shape[2]) - position
    run = jnp.take(token_log_probs, jnp.clip(at, 0, num - 1), axis=2)
    return dataclasses.replace(
        live,
        token_log_probs=jnp.where((at >= 0) & (at < num), run, live.token_log_probs),
        log_probs=or_impossible(log_probs, live.log_probs > -jnp.inf))


def _part(trie: CodeTrie, targets: jax.Array, live: LiveBeams,
          finished: Beams) -> tuple[LiveBeams, Beams]:
    """The live beams that have not ended among `targets` and still may enter, and the finished."""
    is_end = targets == trie.eos_id
    ended = is_end.any(axis=2) & (live.log_probs > -jnp.inf)
    fresh = Beams(
        tokens=jnp.where(ended[..., None], live.tokens, 0),
        token_log_probs=jnp.where(ended[..., None], live.token_log_probs, 0.0),
        log_probs=or_impossible(live.log_probs, ended),
        code_ids=jnp.where(ended, tail_code(trie, live.nodes), NO_CODE),
        alive=ended,
    )
    # Of equals the shorter code comes first, as if they had ended in steps of one token.
    finished = keep_best(finished, take_beams(fresh, jnp.argsort(is_end.argmax(axis=2), axis=1)))
    goes_on = ~ended & (live.log_probs > finished.log_probs[:, -1:])
    return dataclasses.replace(live, log_probs=or_impossible(live.log_probs, goes_on)), finished
