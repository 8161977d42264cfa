"""Finishes prefixes that only one code goes on from: there is nothing left to search.

Knows beams at the tails of a trie and a decoder; nothing of how they got there. A beam that shares
its prefix with no other code can only become that code, so its remaining tokens are known and are
scored several at a time: each pass over the model's weights does the work of several steps. Beams
with about as much left are scored together, whatever their texts, so that few tokens of a pass are
padding.
"""

import dataclasses

import jax
import jax.numpy as jnp

from gram_jax.core.protocols import Cache, Decoder
from gram_jax.decoding.beam_state import Beams, LiveBeams, keep_best, take_beams
from gram_jax.decoding.constraints import or_impossible
from gram_jax.trie.code_trie import NO_CODE, CodeTrie
from gram_jax.trie.lookup import tail_code

_TAIL_TOKENS = 6
"""Tokens of each beam in a pass: few more cost a pass over the weights little."""

_GROUP_SIZE = 40
"""Beams of a pass; with more of them the longest decides for too many."""

_FEW_BEAMS = 3
"""Where only one beam in so many of a group goes on, passes leave the others out."""


def finish_tails(decoder: Decoder, trie: CodeTrie, cache: Cache, live: LiveBeams, finished: Beams,
                 position: jax.Array) -> Beams:
    """What is finished once every live beam, all of them at tails, has come to its end.

    Args:
      decoder: gives the tokens' probabilities over its vocabulary.
      trie: the codes.
      cache: has seen all tokens of the beams but the last.
      live: beams of which those alive are at tails.
      finished: codes found before.
      position: int32 [], tokens that the live beams have.
    """
    live = _whole(trie, live, position)
    scores = _score_tails(decoder, cache, live, position)
    is_left = jnp.arange(trie.max_depth) >= position
    return end_tails(trie, dataclasses.replace(
        live, token_log_probs=jnp.where(is_left, scores, live.token_log_probs)), finished, position)


def end_tails(trie: CodeTrie, live: LiveBeams, finished: Beams, position: jax.Array) -> Beams:
    """The best of the finished and of the live beams, with the scores of all their tokens.

    What a tail has not been scored for counts as certain, as it is where only what the trie allows
    is normalised over.
    """
    live = _whole(trie, live, position)

    def add(place, log_probs):  # one after the other, so that sums round as those of single steps
        return log_probs + live.token_log_probs[:, :, place]

    log_probs = jax.lax.fori_loop(position, trie.max_depth, add, live.log_probs)
    log_probs = or_impossible(log_probs, live.log_probs > -jnp.inf)
    ended = log_probs > -jnp.inf
    # Of equals the shorter code comes first, as if they had ended in steps of one token.
    lengths = (live.tokens != 0).sum(axis=2)
    return keep_best(finished, take_beams(Beams(
        tokens=jnp.where(ended[..., None], live.tokens, 0),
        token_log_probs=jnp.where(ended[..., None], live.token_log_probs, 0.0),
        log_probs=log_probs,
        code_ids=jnp.where(ended, tail_code(trie, live.nodes), NO_CODE),
        alive=ended,
    ), jnp.argsort(lengths, axis=1)))


def _whole(trie: CodeTrie, live: LiveBeams, position: jax.Array) -> LiveBeams:
    """The beams with all tokens of the codes that they will become; the dead without any."""
    is_live = (live.log_probs > -jnp.inf)[..., None]
    codes = trie.code_tokens[jnp.maximum(tail_code(trie, live.nodes), 0)]
    tokens = jnp.where(jnp.arange(trie.max_depth) >= position, codes, live.tokens)
    return dataclasses.replace(live, tokens=jnp.where(is_live, tokens, 0))


def _score_tails(decoder: Decoder, cache: Cache, live: LiveBeams,
                 position: jax.Array) -> jax.Array:
    """float32 [batch, beam, length], the log-probability of every token from `position` on."""
    batch_size, beam_size, length = live.tokens.shape
    num_beams = batch_size * beam_size
    group_size = min(_GROUP_SIZE, num_beams)
    num_left = ((live.tokens != 0).sum(axis=2) - position).reshape(-1)
    longest_first = jnp.argsort(-num_left)
    num_groups = -(-(num_left > 0).sum() // group_size)
    # A column before the first for the start token, and room to read a whole pass at any place.
    known = jnp.pad(live.tokens.reshape(num_beams, length), ((0, 0), (1, _TAIL_TOKENS)))

    def score_group(group, scores):
        places = group * group_size + jnp.arange(group_size)
        beams = longest_first[jnp.minimum(places, num_beams - 1)]
        selected = decoder.select(cache, beams // beam_size, beams % beam_size,
                                  max_length=length + _TAIL_TOKENS)
        found = _score_group(decoder, selected, known[beams], position, position + num_left[beams])
        return scores.at[beams].set(found[:, :length])

    scores = jax.lax.fori_loop(0, num_groups, score_group,
                               jnp.zeros((num_beams, length), jnp.float32))
    return scores.reshape(live.tokens.shape)


def _score_group(decoder: Decoder, cache: Cache, known: jax.Array, position: jax.Array,
                 ends: jax.Array) -> jax.Array:
    """float32 [beams, length], log-probabilities of each beam's tokens from `position` to its end.

    Args:
      decoder: see `finish_tails`.
      cache: of the beams, each a row of its own.
      known: int32 [beams, 1 + length + _TAIL_TOKENS], their tokens after the start token.
      position: int32 [], the first token to score.
      ends: int32 [beams], one past each beam's last, falling; tokens after it may be scored too.
    """
    def score(state):
        position, scores, cache = state
        inputs, targets = (
            jax.lax.dynamic_slice_in_dim(known[: len(scores)], position + shift, _TAIL_TOKENS, 1)
            for shift in (0, 1))
        logits, cache = decoder.step(cache, inputs[:, None], position)
        picked = jnp.take_along_axis(logits[:, 0], targets[..., None], axis=-1)[..., 0]
        found = picked - jax.nn.logsumexp(logits[:, 0], axis=-1)
        found = jnp.where(targets == 0, 0.0, found)
        return (position + _TAIL_TOKENS,
                jax.lax.dynamic_update_slice_in_dim(scores, found, position, axis=1), cache)

    few = jnp.arange(-(-len(known) // _FEW_BEAMS))
    end_of_most = ends[min(len(few), len(known) - 1)]
    scores = jnp.zeros((len(known), known.shape[1] - 1), jnp.float32)
    position, scores, cache = jax.lax.while_loop(
        lambda state: state[0] < end_of_most, score, (position, scores, cache))
    longest = (position, scores[few], decoder.select(
        cache, few, jnp.zeros_like(few), max_length=known.shape[1] - 1))
    longest = jax.lax.while_loop(lambda state: state[0] < ends[0], score, longest)
    return scores.at[few].set(longest[1])
