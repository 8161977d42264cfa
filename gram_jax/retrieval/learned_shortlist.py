"""From beams to the best products by the learned head, on the device.

Gather the postings, fold duplicates, compute features of what is left, score, take the top. Knows
beams, the index and the query's side; nothing of models or texts.
"""

import jax.numpy as jnp

from gram_jax.decoding.beam_state import Beams
from gram_jax.models.learned_score import learned_score
from gram_jax.retrieval.device_index import DeviceIndex
from gram_jax.retrieval.learned_features import FeatureView, compute_features, query_log_probs
from gram_jax.retrieval.places import BeamPostings, at_size, places_of, postings_of_beams
from gram_jax.retrieval.query_side import QuerySide
from gram_jax.retrieval.reached import reached_products
from gram_jax.retrieval.shortlist import Ranked, top_products


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

    def of_size(size: int):
        def rank() -> Ranked:
            view = view_of_candidates(index, beams, found, side, size, num_products)
            params = index.score_params
            scores = learned_score(params, compute_features(view, params.features))
            keys = jnp.where(view.reached.exists, scores, -jnp.inf)
            best = jnp.argmax(view.is_best, axis=1).astype(jnp.int32)
            return top_products(keys, view.reached.products, best, found.codes, num_products)
        return rank

    return at_size(index, found, of_size)


def view_of_candidates(index: DeviceIndex, beams: Beams, found: BeamPostings, side: QuerySide,
                       size: int, num_products: int) -> FeatureView:
    """What features of the candidates in the first `size` places are computed from.

    At least `num_products` are kept, and at least as many as the head scores.
    """
    most = max(index.score_params.num_scored, num_products)
    reached = reached_products(index, places_of(index, found, size), query_log_probs(beams),
                               most=most)
    return FeatureView(index, beams, found, side, reached)
