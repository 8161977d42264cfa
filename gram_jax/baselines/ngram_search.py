"""Beam search for n-grams: every prefix that a beam ever was is an n-gram found.

SEAL (arXiv 2204.10628) decodes beams of a fixed length and scores documents by all n-grams that the
beams went through. The trie of codes constrains that as it stands, if its codes are the longest
n-grams (`NgramTable.trie`): its prefixes then are all n-grams that occur. What differs from
`decoding.beam_search` is what counts as found. That search keeps codes that end, so it would need
an end behind every n-gram: `max_tokens` times as many codes, an EOS in every P(n | q) that the
paper has not, and `beam_size` n-grams a query instead of `beam_size` of each length. So there is a
loop of its own here, of the same parts: which tokens are allowed, how they are scored and which
are best is asked of the same functions.

Knows a `Decoder` and a trie whose prefixes are the n-grams that exist; nothing of products.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp

from gram_jax.core.protocols import Cache, Decoder
from gram_jax.decoding.beam_state import root_beams
from gram_jax.decoding.constraints import best_continuations, vocabulary_normalizers
from gram_jax.trie.code_trie import CodeTrie
from gram_jax.trie.lookup import choices


@functools.partial(jax.tree_util.register_dataclass, data_fields=["tokens", "log_probs"],
                   meta_fields=[])
@dataclasses.dataclass(frozen=True)
class FoundNgrams:
    """N-grams of each row, each but once: all unigrams, all bigrams, ..., best first in each.

    Those at -inf are none: there were fewer.
    """

    tokens: jax.Array  # int32 [batch, found, length], 0 behind the last
    log_probs: jax.Array  # float32 [batch, found], ln P(n | q) under the whole vocabulary


@functools.partial(jax.tree_util.register_dataclass,
                   data_fields=["tokens", "log_probs", "nodes"], meta_fields=[])
@dataclasses.dataclass(frozen=True)
class _Live:
    """Prefixes that go on, best first; dead at -inf."""

    tokens: jax.Array  # int32 [batch, beam, length], 0 from the position on
    log_probs: jax.Array  # float32 [batch, beam]
    nodes: jax.Array  # int32 [batch, beam]


@functools.partial(jax.jit, static_argnames=("beam_size", "max_tokens", "num_unigrams"))
def search_ngrams(decoder: Decoder, trie: CodeTrie, encoder_input_tokens: jax.Array, *,
                  beam_size: int, max_tokens: int, num_unigrams: int = 0) -> FoundNgrams:
    """The n-grams of a beam search of `max_tokens` steps.

    Args:
      decoder: a pytree with the methods of `core.protocols.Decoder`.
      trie: its prefixes may be said (`NgramTable.trie`).
      encoder_input_tokens: int32 [batch, encoder_length], 0 is padding. A row of padding alone is
        no query and gets no n-grams.
      beam_size: n-grams of each length that are found and continued.
      max_tokens: of the longest n-grams.
      num_unigrams: single tokens that are found, where these are more than beams; those beyond the
        beams are not continued. They cost next to nothing: the first step gives all tokens'
        probabilities.

    Returns:
      `max(beam_size, num_unigrams) + (max_tokens - 1) * beam_size` n-grams.

    Raises:
      ValueError: a size is not positive, or the trie has tokens that the decoder lacks.
    """
    if min(beam_size, max_tokens) < 1 or num_unigrams < 0:
        raise ValueError(f"beam_size is {beam_size}, max_tokens {max_tokens} and num_unigrams "
                         f"{num_unigrams}; they must be at least 1, 1 and 0")
    batch_size = encoder_input_tokens.shape[0]
    roots = root_beams((encoder_input_tokens != 0).any(axis=1), max_tokens)
    cache = decoder.prefill(encoder_input_tokens, max_length=max_tokens, max_beams=beam_size)
    # The first step has one beam a row, the empty prefix.
    unigrams, parents, cache = _extend(
        decoder, trie, _Live(roots.tokens, roots.log_probs, roots.nodes), cache, jnp.int32(0),
        num_found=max(beam_size, num_unigrams))
    live = jax.tree.map(lambda leaf: leaf[:, :beam_size], unigrams)

    def step(state, position):
        live, parents, cache = _extend(decoder, trie, *state, position, num_found=beam_size)
        return (live, decoder.reorder(cache, parents)), (live.tokens, live.log_probs)

    state = live, decoder.reorder(cache, parents[:, :beam_size])
    _, (tokens, log_probs) = jax.lax.scan(step, state, jnp.arange(1, max_tokens, dtype=jnp.int32))
    # What was found by step is to be found by row.
    num_longer = (max_tokens - 1) * beam_size
    tokens = jnp.moveaxis(tokens, 0, 1).reshape(batch_size, num_longer, max_tokens)
    log_probs = jnp.moveaxis(log_probs, 0, 1).reshape(batch_size, num_longer)
    return FoundNgrams(jnp.concatenate([unigrams.tokens, tokens], axis=1),
                       jnp.concatenate([unigrams.log_probs, log_probs], axis=1))


def _extend(decoder: Decoder, trie: CodeTrie, live: _Live, cache: Cache, position: jax.Array, *,
            num_found: int) -> tuple[_Live, jax.Array, Cache]:
    """The best n-grams of one more token, the live beams that they continue, and the cache."""
    last = jax.lax.dynamic_index_in_dim(live.tokens, position - 1, axis=2, keepdims=False)
    last = jnp.where(position == 0, 0, last)
    logits, cache = decoder.step(cache, last[..., None], position)
    logits = logits[:, :, 0]
    if trie.vocab_size > logits.shape[-1]:
        raise ValueError(f"the trie's tokens are below {trie.vocab_size} but the decoder has "
                         f"logits for {logits.shape[-1]}")
    allowed = choices(trie, live.nodes, position)
    normalizers = vocabulary_normalizers(trie, allowed, live.log_probs > -jnp.inf, logits)
    new = best_continuations(trie, allowed, live.log_probs, logits, normalizers,
                             beam_size=num_found)
    parents = jnp.take_along_axis(live.tokens, new.parents[..., None], axis=1)
    at_position = jnp.arange(live.tokens.shape[2]) == position
    tokens = jnp.where(at_position, new.tokens[..., None], parents)
    tokens = jnp.where((new.log_probs > -jnp.inf)[..., None], tokens, 0)
    return _Live(tokens, new.log_probs, new.nodes), new.parents, cache
