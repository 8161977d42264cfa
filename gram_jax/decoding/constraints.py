"""The best ways to go on that the trie allows, without looking at those it does not.

Knows edges and scores; nothing of models or of what was decoded before.

The edges that leave a row's live beams are numbered one after the other, beam by beam: the row's
*places*. They are taken in waves of a fixed number of places with a running best, so the work is
that of the edges there are, wherever they are: a wide node costs its own edges and widens no
other's. Ties go to the lower place, that is to the better beam, then to the lower token; the size
of a wave changes nothing.
"""

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

from gram_jax.trie.code_trie import NO_CODE, CodeTrie
from gram_jax.trie.lookup import Choices

_WAVE_SIZE = 512
"""Places a wave takes from each row."""


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=["parents", "tokens", "nodes", "token_log_probs", "log_probs"],
    meta_fields=[],
)
@dataclasses.dataclass(frozen=True)
class Continuations:
    """Ways to lengthen live beams by one token, best first; those at -inf are none."""

    parents: jax.Array  # int32 [batch, beam_size], which live beam each lengthens
    tokens: jax.Array  # int32 [batch, beam]
    nodes: jax.Array  # int32 [batch, beam], where each token leads
    token_log_probs: jax.Array  # float32 [batch, beam]
    log_probs: jax.Array  # float32 [batch, beam], of the lengthened prefix


@dataclasses.dataclass(frozen=True)
class _Places:
    """The numbering of a row's edges; beams that are dead have none."""

    beam_ends: jax.Array  # int32 [batch, beam], one past each beam's last place
    edge_offsets: jax.Array  # int32 [batch, beam], edge minus place for each beam
    tail_tokens: jax.Array  # int32 [batch, beam], the token of a beam's only place if it is a tail
    num_places: jax.Array  # int32 [batch, 1]
    num_waves: jax.Array  # int32 []

    def beams(self, places: jax.Array) -> jax.Array:
        """The live beam that each place (int32 [batch, n]) belongs to, int32 [batch, n]."""
        num_before = (places[:, :, None] >= self.beam_ends[:, None, :]).sum(-1, dtype=jnp.int32)
        return jnp.minimum(num_before, self.beam_ends.shape[1] - 1)

    def edges(self, trie: CodeTrie, places: jax.Array, beams: jax.Array):
        """The edges at some places of some beams and their tokens, both int32 [batch, n]."""
        edges = _pick(self.edge_offsets, beams) + places
        tail_tokens = _pick(self.tail_tokens, beams)
        # Places that do not exist point anywhere: they are clipped, and masked by the caller.
        on_edge = jnp.take(trie.edge_tokens, edges, mode="clip")
        return edges, jnp.where(tail_tokens > 0, tail_tokens, on_edge)

    def wave(self, index: jax.Array) -> tuple[jax.Array, jax.Array]:
        """The places of a wave, int32 [batch, wave], and which exist, bool [batch, wave]."""
        places = index * _WAVE_SIZE + jnp.arange(_WAVE_SIZE, dtype=jnp.int32)
        places = jnp.broadcast_to(places, (self.num_places.shape[0], _WAVE_SIZE))
        return places, places < self.num_places


def _number_places(allowed: Choices, is_live: jax.Array) -> _Places:
    widths = jnp.where(is_live, allowed.num_edges, 0)
    ends = jnp.cumsum(widths, axis=1, dtype=jnp.int32)
    totals = ends[:, -1:]
    return _Places(
        beam_ends=ends,
        edge_offsets=allowed.first_edge - (ends - widths),
        tail_tokens=allowed.tail_tokens,
        num_places=totals,
        num_waves=-(-totals.max() // _WAVE_SIZE),
    )


def best_continuations(
    trie: CodeTrie,
    allowed: Choices,
    log_probs: jax.Array,
    logits: jax.Array,
    normalizers: jax.Array,
    *,
    beam_size: int,
) -> Continuations:
    """The best continuations of each row's live beams that do not end a code.

    Args:
      trie: what exists.
      allowed: what it allows after each live beam, [batch, beam].
      log_probs: float32 [batch, beam], of the live beams; -inf where dead.
      logits: float32 [batch, beam, vocab], of the next token.
      normalizers: float32 [batch, beam], what to take from logits to make them log-probabilities.
      beam_size: how many continuations to return, whatever the number of live beams.
    """
    places = _number_places(allowed, log_probs > -jnp.inf)
    batch_size = log_probs.shape[0]

    def score(at: jax.Array):
        beams = places.beams(at)
        edges, tokens = places.edges(trie, at, beams)
        token_log_probs = _pick_logits(logits, beams, tokens) - _pick(normalizers, beams)
        return Continuations(beams, tokens, edges + 1, token_log_probs,
                             _pick(log_probs, beams) + token_log_probs)

    def wave(index, best):
        best_log_probs, best_places = best
        at, exists = places.wave(index)
        new = or_impossible(score(at).log_probs, exists)
        # The running best comes first, so that equals keep the order of their places.
        log_probs_, chosen = jax.lax.top_k(
            jnp.concatenate([best_log_probs, new], axis=1), beam_size)
        return log_probs_, _pick(jnp.concatenate([best_places, at], axis=1), chosen)

    nothing = (jnp.full((batch_size, beam_size), -jnp.inf, jnp.float32),
               jnp.zeros((batch_size, beam_size), jnp.int32))
    best_log_probs, best_places = jax.lax.fori_loop(0, places.num_waves, wave, nothing)
    return dataclasses.replace(score(best_places), log_probs=best_log_probs)


def endings(
    trie: CodeTrie,
    allowed: Choices,
    log_probs: jax.Array,
    logits: jax.Array,
    normalizers: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """The log-probability of EOS after each live beam, and of the code that it completes.

    Arguments as for `best_continuations`.

    Returns:
      float32 [batch, beam] of the token, and of the whole; -inf where no code ends.
    """
    token_log_probs = logits[..., trie.eos_id] - normalizers
    return token_log_probs, or_impossible(log_probs + token_log_probs,
                                          allowed.ended_codes != NO_CODE)


def vocabulary_normalizers(
    trie: CodeTrie, allowed: Choices, is_live: jax.Array, logits: jax.Array
) -> jax.Array:
    """log sum exp of all logits, which keeps scores the model's own; float32 [batch, beam]."""
    del trie, allowed, is_live
    return jax.nn.logsumexp(logits, axis=-1)


def allowed_normalizers(
    trie: CodeTrie, allowed: Choices, is_live: jax.Array, logits: jax.Array
) -> jax.Array:
    """log sum exp of the logits of what the trie allows, EOS included; float32 [batch, beam]."""
    places = _number_places(allowed, is_live)
    beam_size = is_live.shape[1]

    def wave(index, running):
        at, exists = places.wave(index)
        beams = places.beams(at)
        _, tokens = places.edges(trie, at, beams)
        picked = or_impossible(_pick_logits(logits, beams, tokens), exists)
        owns = beams[:, None, :] == jnp.arange(beam_size)[None, :, None]
        owned = jnp.where(owns, picked[:, None, :], -jnp.inf)
        return jnp.logaddexp(running, jax.nn.logsumexp(owned, axis=-1))

    zeros = jnp.zeros_like(logits[..., 0])
    _, eos_only = endings(trie, allowed, zeros, logits, zeros)
    return jax.lax.fori_loop(0, places.num_waves, wave, eos_only)


NORMALIZERS: dict[str, Callable[..., jax.Array]] = {
    "vocabulary": vocabulary_normalizers,
    "allowed": allowed_normalizers,
}
"""How logits become log-probabilities, by name."""


def or_impossible(log_probs: jax.Array, possible: jax.Array) -> jax.Array:
    """`log_probs` where `possible`, elsewhere -inf; a NaN is impossible too."""
    return jnp.where(possible & (log_probs > -jnp.inf), log_probs, -jnp.inf)


def _pick(array: jax.Array, columns: jax.Array) -> jax.Array:
    return jnp.take_along_axis(array, columns, axis=1, mode="promise_in_bounds")


def _pick_logits(logits: jax.Array, beams: jax.Array, tokens: jax.Array) -> jax.Array:
    """float32 [batch, n], the logit of each token after its beam."""
    batch_size, _, vocab_size = logits.shape
    return _pick(logits.reshape(batch_size, -1), beams * vocab_size + tokens)
