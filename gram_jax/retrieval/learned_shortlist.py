"""From beams to the best products by the learned head, on the device.

Gather the postings, fold duplicates, compute features of what is left, score, take the top. Knows
beams, the index and the query's side; nothing of models or texts.
"""

import dataclasses

import jax
import jax.numpy as jnp

from gram_jax.decoding.beam_state import Beams
from gram_jax.models.learned_score import LearnedScoreParams, learned_score
from gram_jax.retrieval.device_index import DeviceIndex
from gram_jax.retrieval.learned_features import FeatureView, compute_features, query_log_probs
from gram_jax.retrieval.places import BeamPostings, at_size, places_of, postings_of_beams
from gram_jax.retrieval.query_side import QuerySide
from gram_jax.retrieval.reached import reached_products
from gram_jax.retrieval.shortlist import Ranked, top_products


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Candidates:
    """The products that the head scores, a row each; rows that do not exist hold anything."""

    exists: jax.Array  # bool [batch, rows]
    products: jax.Array  # int32 [batch, rows]
    beams: jax.Array  # int32 [batch, rows], the beam of the product's best code
    codes: jax.Array  # int32 [batch, beam]
    features: jax.Array  # float32 [batch, features, rows], 0 where there is no product


def learned_shortlist(index: DeviceIndex, beams: Beams, side: QuerySide, *,
                      num_products: int) -> Ranked:
    """The best products that the beams reach, each with its best code.

    Args:
      index: of a learned head.
      beams: [batch, beam], of this index; at most as many as it has room for.
      side: of the same queries.
      num_products: how many.

    Returns:
      As `shortlist.shortlist`.
    """
    found = postings_of_beams(index, beams)
    return at_size(index, found, lambda size: lambda: best_candidates(
        index.score_params, candidates_of(index, beams, found, side, size, num_products),
        num_products))


def candidates_of(index: DeviceIndex, beams: Beams, found: BeamPostings, side: QuerySide,
                  size: int, num_products: int) -> Candidates:
    """The candidates in the first `size` places.

    At least `num_products` are kept, and at least as many as the head scores.
    """
    params = index.score_params
    reached = reached_products(index, places_of(index, found, size), query_log_probs(beams),
                               most=max(params.num_scored, num_products))
    view = FeatureView(index, beams, found, side, reached)
    return Candidates(reached.exists, reached.products,
                      jnp.argmax(view.is_best, axis=1).astype(jnp.int32), found.codes,
                      compute_features(view, params.features))


def best_candidates(params: LearnedScoreParams, candidates: Candidates,
                    num_products: int) -> Ranked:
    """The candidates of the highest scores, whose features are those that the params name."""
    scores = learned_score(params, candidates.features)
    keys = jnp.where(candidates.exists, scores, -jnp.inf)
    return top_products(keys, candidates.products, candidates.beams, candidates.codes,
                        num_products)
