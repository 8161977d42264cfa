"""From beams to the best products on the device: postings, scores, duplicates folded, the top.

Knows beams, the device index and the heads that score one code at a time; nothing of models or
texts. The result is that of `candidates.gather_candidates` and `scoring.rank_candidates`, which do
it on the host. `places` says how candidates are numbered.
"""

import functools

import jax
import jax.numpy as jnp

from gram_jax.decoding.beam_state import Beams
from gram_jax.models.code_score import SIDE_COSTS, code_score, score_of_cost
from gram_jax.retrieval.device_index import DeviceIndex
from gram_jax.retrieval.grouping import group_leaders
from gram_jax.retrieval.places import (
    BeamPostings,
    Places,
    at_size,
    entries,
    of_beam,
    pick,
    places_of,
    postings_of_beams,
)
from gram_jax.trie.code_trie import NO_CODE

NO_PRODUCT = -1
_NO_GROUP = 2**31 - 1
_HIGHEST_RANK = 3e38
_BITS_OF_PRODUCT_0 = 0x7F000000  # of a float32 below the highest rank; so are all bits below

Ranked = tuple[jax.Array, jax.Array, jax.Array]
"""Products, scores and codes, each [batch, num_products]."""


def shortlist(index: DeviceIndex, beams: Beams, *, head: str, reduce: str,
              num_products: int) -> Ranked:
    """The best products that the beams reach, each with the code that speaks most for it.

    Args:
      index: postings and what the head reads of them.
      beams: [batch, beam], of this index; at most as many as it has room for.
      head: a name in `models.code_score.HEADS`.
      reduce: a name in `scoring.REDUCES`.
      num_products: how many.

    Returns:
      Best first: int32 products, float32 scores, int32 codes; -1, -inf and -1 where there are
      fewer. Ties go to the product that comes first in the catalogue, and between codes to the
      better beam.
    """
    found = postings_of_beams(index, beams)

    def of_size(size: int):
        def rank() -> Ranked:
            places = places_of(index, found, size)
            scores = _scores(index, beams, found, places, head)
            scores = jnp.where(places.exists, scores, -jnp.inf)
            folded = _fold(places, scores, head, reduce, found.codes.shape[1])
            return top_products(*folded, found.codes, num_products)
        return rank

    return at_size(index, found, of_size)


def _scores(index: DeviceIndex, beams: Beams, found: BeamPostings, places: Places,
            head: str) -> jax.Array:
    """S(q, t | c) of every place, float32 [batch, size]."""
    beam = places.beam
    granularity = of_beam(index.code_granularities[found.codes].astype(jnp.int32), beam)
    mask = beams.tokens != 0
    if head in SIDE_COSTS:
        query_costs = SIDE_COSTS[head](beams.token_log_probs, mask).sum(-1)
        costs = of_beam(query_costs, beam) + entries(index.posting_costs, places.postings)
        return score_of_cost(index.score_params, costs, granularity)
    of_place = beam[..., None]
    return code_score(
        head, index.score_params, pick(beams.token_log_probs, of_place),
        entries(index.posting_token_log_probs, places.postings).astype(jnp.float32),
        pick(mask, of_place), granularity)


def _fold(places: Places, scores: jax.Array, head: str, reduce: str, num_beams: int):
    """Products, their scores and the beam that speaks most for each; at all other places -inf.

    'sum' of a head whose scores are logarithms adds probabilities; see `scoring.product_scores`.
    On a TPU a sort is cheap and a write to computed places dear; elsewhere the other way round.

    Returns:
      float32 keys, int32 products and int32 beams, [batch, size] in any order.
    """
    reducer = "best" if reduce == "best" else "log_sum" if head == "log_prob_sum" else "sum"
    return jax.lax.platform_dependent(
        places.products, scores, places.beam, places.exists,
        tpu=functools.partial(fold_by_sort, reducer=reducer, num_beams=num_beams),
        default=functools.partial(fold_by_hash, reducer=reducer))


def fold_by_hash(products, scores, beam, exists, *, reducer: str):
    """`_fold` by a hash table; the places keep their order."""
    leaders = group_leaders(products, exists)
    best = _scatter("max", leaders, scores, -jnp.inf)
    places = jnp.broadcast_to(jnp.arange(products.shape[1], dtype=jnp.int32), products.shape)
    nobody = products.shape[1]
    speaks = places == _scatter("min", leaders, jnp.where(scores == best, places, nobody), nobody)
    totals = best
    if reducer == "log_sum":
        # Places that do not exist are at -inf, alone in their group.
        shifted = jnp.where(exists, jnp.exp(scores - best), 0.0)
        totals = best + jnp.log(_scatter("add", leaders, shifted, 0.0))
    elif reducer == "sum":
        totals = _scatter("add", leaders, jnp.where(exists, scores, 0.0), 0.0)
    return jnp.where(speaks & exists, totals, -jnp.inf), products, beam


def fold_by_sort(products, scores, beam, exists, *, reducer: str, num_beams: int):
    """`_fold` by a sort: a product's places, at most one a beam, become neighbours, best first."""
    numbers = jnp.where(exists, products, _NO_GROUP)
    numbers, falling, beam = jax.lax.sort((numbers, -scores, beam), num_keys=3)
    totals = -falling
    if reducer != "best":
        combine, nothing = ((jnp.logaddexp, -jnp.inf) if reducer == "log_sum"
                            else (jnp.add, 0.0))
        reach = 1
        while reach < num_beams:
            # Neighbours at this distance of one product have only that product between them.
            same = numbers == _shifted(numbers, reach, -1)
            others = jnp.where(same, _shifted(totals, reach, nothing), nothing)
            totals, reach = combine(totals, others), 2 * reach
    before = jnp.pad(numbers[:, :-1], ((0, 0), (1, 0)), constant_values=-1)
    is_first = (numbers != before) & (numbers != _NO_GROUP)
    return jnp.where(is_first, totals, -jnp.inf), numbers, beam


def _shifted(array: jax.Array, count: int, fill) -> jax.Array:
    """The array with place i holding what place i + count held."""
    kept = array[:, count:]
    return jnp.pad(kept, ((0, 0), (0, array.shape[1] - kept.shape[1])), constant_values=fill)


def _scatter(how: str, leaders: jax.Array, values: jax.Array, initial) -> jax.Array:
    """Combines the values of each group and hands the result to each of its places."""
    def of_row(leaders, values):
        combined = jnp.full(values.shape, initial, values.dtype).at[leaders]
        return getattr(combined, how)(values, mode="promise_in_bounds")[leaders]

    return jax.vmap(of_row)(leaders, values)


def top_products(keys, products, beam, codes, num_products: int) -> Ranked:
    """The products of the highest keys, the lower product first among equals.

    Args:
      keys: float32 [batch, n]; -inf where there is no product.
      products: int32 [batch, n]; one stands where a key is above -inf at most once.
      beam: int32 [batch, n], whose code speaks most for the product.
      codes: int32 [batch, beam].
      num_products: how many.
    """
    count = min(num_products, keys.shape[1])
    # The minimum and not the last: XLA makes a slice of top_k a sort of everything.
    least = jax.lax.top_k(keys, count)[0].min(axis=1, keepdims=True)
    # All above the least are in; of those at it, the lowest products, whose ranks are floats with
    # falling bits: top_k is fast for floats only.
    at_least = jax.lax.bitcast_convert_type(_BITS_OF_PRODUCT_0 - products, jnp.float32)
    ranks = jnp.where(keys > least, _HIGHEST_RANK, jnp.where(keys == least, at_least, 0.0))
    chosen = jax.lax.top_k(ranks, count)[1]
    falling, products, codes = jax.lax.sort(
        (-pick(keys, chosen), pick(products, chosen), pick(codes, pick(beam, chosen))),
        num_keys=2)
    exists = falling < jnp.inf
    room = ((0, 0), (0, num_products - count))
    return (jnp.pad(jnp.where(exists, products, NO_PRODUCT), room, constant_values=NO_PRODUCT),
            jnp.pad(-falling, room, constant_values=-jnp.inf),
            jnp.pad(jnp.where(exists, codes, NO_CODE), room, constant_values=NO_CODE))
