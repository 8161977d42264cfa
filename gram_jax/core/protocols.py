"""The small interfaces through which rooms meet without knowing each other."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import jax

from gram_jax.core.records import Query
from gram_jax.core.runs import RankedList

Cache = Any
"""What a decoder keeps between steps: a pytree."""


class Vocabulary(Protocol):
    """Text to token ids and back. Id 0 is padding; `eos_id` ends a sequence."""

    vocab_size: int
    eos_id: int

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, without EOS."""

    def decode(self, token_ids: Sequence[Sequence[int]]) -> list[str]:
        """The text of each sequence; stops at EOS and skips padding."""


class Decoder(Protocol):
    """A model as beam search sees it: token ids in, logits out, a cache between steps."""

    def prefill(self, encoder_input_tokens: jax.Array, *, max_length: int,
                max_beams: int) -> Cache:
        """Reads int32 [batch, encoder_length]: one beam a row, which reordering may multiply.

        Args:
          encoder_input_tokens: 0 is padding.
          max_length: tokens of a beam that there is to be room for.
          max_beams: the most beams of a row that a step will have.
        """

    def step(self, cache: Cache, tokens: jax.Array, position: jax.Array) -> tuple[jax.Array, Cache]:
        """Feeds the tokens at `position` and after.

        Args:
          cache: what `prefill`, `reorder` or the step before returned.
          tokens: int32 [batch, beam, num], each the token before the one that is asked for; 0
            (the pad and start token) at position 0.
          position: int32 [], counts from 0; with `num` it stays within `max_length`.

        Returns:
          float32 [batch, beam, num, vocab] logits of the tokens at `position` and after, and the
          new cache.
        """

    def reorder(self, cache: Cache, parents: jax.Array) -> Cache:
        """The cache whose beam j continues beam `parents[:, j]`; int32 [batch, new_beam]."""

    def select(self, cache: Cache, rows: jax.Array, beams: jax.Array, *,
               max_length: int) -> Cache:
        """The cache in which some beams are a row of one beam each, [n, 1].

        Args:
          cache: of any beams.
          rows, beams: int32 [n] each.
          max_length: tokens of a beam that there is to be room for, at least as many as now.
        """


class Retriever(Protocol):
    """Anything that answers queries with ranked products."""

    name: str

    def retrieve(self, queries: Iterable[Query], *, k: int) -> Iterator[RankedList]:
        """At most `k` products a query, in the order of the queries."""
