"""Beam search in plain Python over a `DictTrie`: what the compiled one is checked against.

Knows a function from prefixes to log-probabilities. It stops early nowhere and prunes nothing, so
agreement shows that doing so changes no result.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from gram_jax.testing.dict_trie import DictTrie


@dataclasses.dataclass(frozen=True)
class PlainBeam:
    """A code, or while searching a prefix of one."""

    tokens: tuple[int, ...]
    token_log_probs: tuple[float, ...]
    log_prob: float


def plain_beam_search(
    trie: DictTrie,
    log_probs_after: Callable[[Sequence[int]], np.ndarray],
    *,
    beam_size: int,
    normalize: Literal["vocabulary", "allowed"] = "vocabulary",
    endings: Literal["all", "ranked"] = "all",
) -> tuple[list[PlainBeam], float]:
    """The best codes, best first.

    Args:
      trie: the codes that exist.
      log_probs_after: float64 [vocab] of the token after a prefix.
      beam_size: live beams kept, and codes returned.
      normalize, endings: as for `decoding.beam_search`.

    Returns:
      At most `beam_size` codes, and the smallest difference between two unequal scores that were
      compared: where it is not far above rounding, another order is as right.
    """
    live, finished, margin = [PlainBeam((), (), 0.0)], [], float("inf")
    while live:
        ended, grown = [], []
        for beam in live:
            tokens = trie.allowed(beam.tokens)
            log_probs = log_probs_after(beam.tokens)[tokens]
            if normalize == "allowed":
                log_probs = log_probs - np.logaddexp.reduce(log_probs)
            for token, log_prob in zip(tokens, map(float, log_probs)):
                longer = PlainBeam((*beam.tokens, token), (*beam.token_log_probs, log_prob),
                                   beam.log_prob + log_prob)
                (ended if token == trie.eos_id else grown).append(longer)
        if endings == "ranked":
            both = ended + grown  # equals: an ending comes first
            margin = min(margin, _keep_best(both, beam_size))
            ended = [beam for beam in ended if beam in both]
        finished, live = finished + ended, grown
        margin = min(margin, _keep_best(finished, beam_size), _keep_best(live, beam_size))
    return finished, margin


def _keep_best(beams: list[PlainBeam], beam_size: int) -> float:
    """Sorts in place and drops all but the best; the smallest gap between two unequal scores."""
    # Stable: equals stay in the order of their prefixes, then of their tokens.
    beams.sort(key=lambda beam: -beam.log_prob)
    gaps = -np.diff([beam.log_prob for beam in beams])
    del beams[beam_size:]
    return float(gaps[gaps > 0].min(initial=np.inf))
