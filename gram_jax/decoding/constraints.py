"""The best ways to go on that the trie allows, without looking at those it does not.

Knows edges and scores; nothing of models or of what was decoded before.

The edges that leave a row's live beams are cut into *stretches*: runs of up to `_STRETCH` edges of
one beam, numbered one after the other, beam by beam. They are taken in waves of a fixed number of
stretches with a running best, so the work is that of the edges there are, wherever they are: a
wide node costs its own edges and widens no other's. Where no beam has more edges than a short
stretch holds, as deep in the trie, a single wave of one short stretch a beam takes them all. Ties
go to the lower place, that is to the better beam, then to the lower token; sizes change nothing.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp

from gram_jax.trie.code_trie import NO_CODE, CodeTrie
from gram_jax.trie.lookup import Choices

Tree = TypeVar("Tree")

_STRETCH = 16
"""Edges in a stretch, where some beam has many."""

_SHORT_STRETCH = 4
"""Edges in a stretch, where every beam has so few."""

_WAVE_SIZE = 128
"""Stretches that a wave takes from each row."""


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
    """Edges to look at: in each row some stretches of one length."""

    beams: jax.Array  # int32 [batch, stretch], whose edges they are
    offsets: jax.Array  # int32 [batch, stretch, edge], the how-manieth of the beam's edges
    each_beam: bool = False  # stretch j is beam j's: there is nothing to pick

    def of_beams(self, values: jax.Array) -> jax.Array:
        """The values [batch, beam] of the stretches' beams, [batch, stretch, 1]."""
        return (values if self.each_beam else _pick(values, self.beams))[..., None]

    def flat(self) -> tuple[jax.Array, jax.Array]:
        """The beams and offsets of all places, both int32 [batch, place]."""
        beams = jnp.broadcast_to(self.beams[..., None], self.offsets.shape)
        return beams.reshape(len(beams), -1), self.offsets.reshape(len(beams), -1)


class _Scored(NamedTuple):
    """Places with what they would make of their beams."""

    log_probs: jax.Array  # float32 [batch, place]
    beams: jax.Array  # int32 [batch, place]
    offsets: jax.Array  # int32 [batch, place]


@dataclasses.dataclass(frozen=True)
class _Frontier:
    """The edges that leave the live beams of each row."""

    trie: CodeTrie
    allowed: Choices
    num_edges: jax.Array  # int32 [batch, beam], 0 for dead beams

    def in_waves(self, look: Callable[[Tree, _Places], Tree], start: Tree) -> Tree:
        """`look(... look(look(start, first places), next places) ...)` over all waves."""
        counts = -(-self.num_edges // _STRETCH)
        ends = jnp.cumsum(counts, axis=1, dtype=jnp.int32)
        firsts = ends - counts

        def wave(index, running: Tree) -> Tree:
            stretches = index * _WAVE_SIZE + jnp.arange(_WAVE_SIZE, dtype=jnp.int32)
            num_before = (stretches[:, None] >= ends[:, None, :]).sum(-1, dtype=jnp.int32)
            # Stretches behind the last one count as the last beam's, behind its last edge.
            beams = jnp.minimum(num_before, ends.shape[1] - 1)
            nth = (stretches - _pick(firsts, beams))[..., None]
            return look(running, _Places(beams, nth * _STRETCH + jnp.arange(_STRETCH)))

        return jax.lax.fori_loop(0, -(-ends.max() // _WAVE_SIZE), wave, start)

    def short_stretches(self, length: int) -> _Places:
        """The first places of each beam."""
        shape = self.num_edges.shape
        return _Places(jax.lax.broadcasted_iota(jnp.int32, shape, 1),
                       jax.lax.broadcasted_iota(jnp.int32, (*shape, length), 2), each_beam=True)

    def look(self, places: _Places) -> tuple[jax.Array, jax.Array, jax.Array]:
        """int32 tokens and child nodes and bool whether they exist, all [batch, stretch, edge]."""
        edges = places.of_beams(self.allowed.first_edge) + places.offsets
        tail_tokens = places.of_beams(self.allowed.tail_tokens)
        tokens = jnp.where(tail_tokens > 0, tail_tokens,
                           jnp.take(self.trie.edge_tokens, edges, mode="clip"))
        exists = places.offsets < places.of_beams(self.num_edges)
        return tokens, edges + 1, exists


def _frontier(trie: CodeTrie, allowed: Choices, is_live: jax.Array) -> _Frontier:
    return _Frontier(trie, allowed, jnp.where(is_live, allowed.num_edges, 0))


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
    frontier = _frontier(trie, allowed, log_probs > -jnp.inf)
    batch_size = log_probs.shape[0]

    def score(places: _Places) -> Continuations:
        tokens, nodes, exists = frontier.look(places)
        token_log_probs = (_pick_logits(logits, places.beams, tokens)
                           - places.of_beams(normalizers))
        whole = or_impossible(places.of_beams(log_probs) + token_log_probs, exists)
        beams = jnp.broadcast_to(places.beams[..., None], tokens.shape)
        return jax.tree.map(lambda leaf: leaf.reshape(batch_size, -1),
                            Continuations(beams, tokens, nodes, token_log_probs, whole))

    def best(running: _Scored, places: _Places) -> _Scored:
        # top_k keeps the order of equals, which is that of their places.
        found = _Scored(*(jnp.concatenate(pair, axis=1) for pair in zip(
            running, (score(places).log_probs, *places.flat()))))
        log_probs_, chosen = jax.lax.top_k(found.log_probs, beam_size)
        return _Scored(log_probs_, _pick(found.beams, chosen), _pick(found.offsets, chosen))

    def in_waves() -> Continuations:
        # Of what is looked at nothing is carried but score and place: the rest of a continuation
        # is looked up again for the winners.
        none = jnp.zeros((batch_size, beam_size), jnp.int32)
        nothing = _Scored(jnp.full(none.shape, -jnp.inf, jnp.float32), none, none)
        found = frontier.in_waves(best, nothing)
        winners = score(_Places(found.beams, found.offsets[..., None]))
        return dataclasses.replace(winners, log_probs=found.log_probs)

    def at_once() -> Continuations:
        found = score(frontier.short_stretches(short))
        _, chosen = jax.lax.top_k(found.log_probs, beam_size)
        return jax.tree.map(lambda leaf: _pick(leaf, chosen), found)

    short = max(_SHORT_STRETCH, -(-beam_size // log_probs.shape[1]))
    return jax.lax.cond(frontier.num_edges.max() <= short, at_once, in_waves)


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
    frontier = _frontier(trie, allowed, is_live)
    beam_size = is_live.shape[1]

    def add(running: jax.Array, places: _Places) -> jax.Array:
        tokens, _, exists = frontier.look(places)
        picked = _pick_logits(logits, places.beams, tokens)
        sums = jax.nn.logsumexp(or_impossible(picked, exists), axis=-1)
        owns = places.beams[:, None, :] == jnp.arange(beam_size)[None, :, None]
        owned = jnp.where(owns, sums[:, None, :], -jnp.inf)
        return jnp.logaddexp(running, jax.nn.logsumexp(owned, axis=-1))

    zeros = jnp.zeros_like(logits[..., 0])
    _, eos_only = endings(trie, allowed, zeros, logits, zeros)
    return frontier.in_waves(add, eos_only)


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
    """float32 [batch, stretch, edge]: the logits of such tokens after beams [batch, stretch]."""
    batch_size, _, vocab_size = logits.shape
    columns = (beams * vocab_size)[..., None] + tokens
    picked = _pick(logits.reshape(batch_size, -1), columns.reshape(batch_size, -1))
    return picked.reshape(tokens.shape)
