"""From beams to the best products on the device: postings, scores, duplicates folded, the top.

Knows beams, the device index and scoring heads; nothing of models or texts. The result is that of
`candidates.gather_candidates` and `scoring.rank_candidates`, which do it on the host.

Index glossary: a *candidate* is one posting of one beam; a row's candidates are numbered one after
the other, beam by beam, in *places*. How many places are computed follows how many candidates
there are, in steps of 4: the program holds a branch for each size.
"""

import jax
import jax.numpy as jnp

from gram_jax.decoding.beam_state import Beams
from gram_jax.models.code_score import SIDE_COSTS, code_score, score_of_cost
from gram_jax.retrieval.device_index import DeviceIndex
from gram_jax.retrieval.grouping import group_leaders

_SIZE_STEP = 4
_SMALLEST_SIZE = 1024
NO_PRODUCT = -1
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
    codes = jnp.maximum(beams.code_ids, 0)
    starts = index.posting_starts[codes]
    widths = jnp.where(beams.alive, index.posting_starts[codes + 1] - starts, 0)
    ends = jnp.cumsum(widths, axis=1, dtype=jnp.int32)
    offsets = starts - (ends - widths)

    def of_size(size: int):
        def rank() -> Ranked:
            places = jnp.broadcast_to(jnp.arange(size, dtype=jnp.int32), (codes.shape[0], size))
            exists = places < ends[:, -1:]
            beam = (places[:, :, None] >= ends[:, None, :]).sum(-1, dtype=jnp.int32)
            beam = jnp.minimum(beam, codes.shape[1] - 1)
            postings = jnp.where(exists, places + _pick(offsets, beam), 0)
            products = _entries(index.posting_products, postings)
            scores = _scores(index, beams, codes, beam, postings, head)
            keys = _fold(products, jnp.where(exists, scores, -jnp.inf), exists, head, reduce)
            return _top(keys, products, _pick(codes, beam), num_products)
        return rank

    sizes = sizes_up_to(index.candidate_capacity)
    fits = ends[:, -1].max() > jnp.array(sizes[:-1], jnp.int32)
    return jax.lax.switch(fits.sum(), [of_size(size) for size in sizes])


def sizes_up_to(capacity: int) -> tuple[int, ...]:
    """The sizes that branches are made for, rising to the capacity."""
    sizes = [capacity]
    while sizes[0] > _SMALLEST_SIZE:
        sizes.insert(0, -(-sizes[0] // _SIZE_STEP))
    return tuple(sizes)


def _scores(index: DeviceIndex, beams: Beams, codes, beam, postings, head: str) -> jax.Array:
    """S(q, t | c) of every place, float32 [batch, size]."""
    granularity = index.code_granularities[codes].astype(jnp.int32)
    mask = beams.tokens != 0
    if head in SIDE_COSTS:
        query_costs = SIDE_COSTS[head](beams.token_log_probs, mask).sum(-1)
        costs = _pick(query_costs, beam) + _entries(index.posting_costs, postings)
        return score_of_cost(index.score_params, costs, _pick(granularity, beam))
    of_place = beam[..., None]
    return code_score(
        head, index.score_params, _pick(beams.token_log_probs, of_place),
        _entries(index.posting_token_log_probs, postings).astype(jnp.float32),
        _pick(mask, of_place), _pick(granularity, beam))


def _fold(products, scores, exists, head: str, reduce: str) -> jax.Array:
    """A product's score at the place that speaks most for it, -inf at all others.

    'sum' of a head whose scores are logarithms adds probabilities; see `scoring.product_scores`.
    """
    leaders = group_leaders(products, exists)
    best = _scatter("max", leaders, scores, -jnp.inf)
    places = jnp.broadcast_to(jnp.arange(products.shape[1], dtype=jnp.int32), products.shape)
    nobody = products.shape[1]
    speaks = places == _scatter("min", leaders, jnp.where(scores == best, places, nobody), nobody)
    if reduce == "best":
        totals = best
    elif head == "log_prob_sum":
        # Places that do not exist are at -inf, alone in their group.
        shifted = jnp.where(exists, jnp.exp(scores - best), 0.0)
        totals = best + jnp.log(_scatter("add", leaders, shifted, 0.0))
    else:
        totals = _scatter("add", leaders, jnp.where(exists, scores, 0.0), 0.0)
    return jnp.where(speaks & exists, totals, -jnp.inf)


def _scatter(how: str, leaders: jax.Array, values: jax.Array, initial) -> jax.Array:
    """Combines the values of each group and hands the result to each of its places."""
    def of_row(leaders, values):
        combined = jnp.full(values.shape, initial, values.dtype).at[leaders]
        return getattr(combined, how)(values, mode="promise_in_bounds")[leaders]

    return jax.vmap(of_row)(leaders, values)


def _top(keys, products, codes, num_products: int) -> Ranked:
    """The highest keys, the lower product first among equals."""
    count = min(num_products, keys.shape[1])
    # The minimum and not the last: XLA makes a slice of top_k a sort of everything.
    least = jax.lax.top_k(keys, count)[0].min(axis=1, keepdims=True)
    # All above the least are in; of those at it, the lowest products, whose ranks are floats with
    # falling bits: top_k is fast for floats only.
    at_least = jax.lax.bitcast_convert_type(_BITS_OF_PRODUCT_0 - products, jnp.float32)
    ranks = jnp.where(keys > least, _HIGHEST_RANK, jnp.where(keys == least, at_least, 0.0))
    chosen = jax.lax.top_k(ranks, count)[1]
    scores, products = _pick(keys, chosen), _pick(products, chosen)
    falling, products, codes = jax.lax.sort(
        (-scores, products, _pick(codes, chosen)), num_keys=2)
    exists = falling < jnp.inf
    room = ((0, 0), (0, num_products - count))
    return (jnp.pad(jnp.where(exists, products, NO_PRODUCT), room, constant_values=NO_PRODUCT),
            jnp.pad(-falling, room, constant_values=-jnp.inf),
            jnp.pad(jnp.where(exists, codes, NO_PRODUCT), room, constant_values=NO_PRODUCT))


def _entries(array: jax.Array, places: jax.Array) -> jax.Array:
    return array.at[places].get(mode="promise_in_bounds")


def _pick(array: jax.Array, columns: jax.Array) -> jax.Array:
    return jnp.take_along_axis(array, columns, axis=1, mode="promise_in_bounds")
