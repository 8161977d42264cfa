"""From beams to the best products on the device: postings, scores, duplicates folded, the top.

Knows beams, the device index and scoring heads; nothing of models or texts. The result is that of
`candidates.gather_candidates` and `scoring.rank_candidates`, which do it on the host.

Index glossary: a *candidate* is one posting of one beam; a row's candidates are numbered one after
the other, beam by beam, in *places*. How many places are computed follows how many candidates
there are, in steps of 4: the program holds a branch for each size.
"""

import functools

import jax
import jax.numpy as jnp

from gram_jax.decoding.beam_state import Beams
from gram_jax.models.code_score import SIDE_COSTS, code_score, score_of_cost
from gram_jax.retrieval.device_index import DeviceIndex
from gram_jax.retrieval.grouping import group_leaders
from gram_jax.trie.code_trie import NO_CODE

_SIZE_STEP = 4
_SMALLEST_SIZE = 1024
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
            postings = jnp.where(exists, places + _of_beam(offsets, beam), 0)
            products = _entries(index.posting_products, postings)
            scores = _scores(index, beams, codes, beam, postings, head)
            scores = jnp.where(exists, scores, -jnp.inf)
            folded = _fold(products, scores, beam, exists, head, reduce, codes.shape[1])
            return _top(*folded, codes, num_products)
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
    granularity = _of_beam(index.code_granularities[codes].astype(jnp.int32), beam)
    mask = beams.tokens != 0
    if head in SIDE_COSTS:
        query_costs = SIDE_COSTS[head](beams.token_log_probs, mask).sum(-1)
        costs = _of_beam(query_costs, beam) + _entries(index.posting_costs, postings)
        return score_of_cost(index.score_params, costs, granularity)
    of_place = beam[..., None]
    return code_score(
        head, index.score_params, _pick(beams.token_log_probs, of_place),
        _entries(index.posting_token_log_probs, postings).astype(jnp.float32),
        _pick(mask, of_place), granularity)


def _fold(products, scores, beam, exists, head: str, reduce: str, num_beams: int):
    """Products, their scores and the beam that speaks most for each; at all other places -inf.

    'sum' of a head whose scores are logarithms adds probabilities; see `scoring.product_scores`.
    On a TPU a sort is cheap and a write to computed places dear; elsewhere the other way round.

    Returns:
      float32 keys, int32 products and int32 beams, [batch, size] in any order.
    """
    reducer = "best" if reduce == "best" else "log_sum" if head == "log_prob_sum" else "sum"
    return jax.lax.platform_dependent(
        products, scores, beam, exists,
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


def _top(keys, products, beam, codes, num_products: int) -> Ranked:
    """The highest keys, the lower product first among equals."""
    count = min(num_products, keys.shape[1])
    # The minimum and not the last: XLA makes a slice of top_k a sort of everything.
    least = jax.lax.top_k(keys, count)[0].min(axis=1, keepdims=True)
    # All above the least are in; of those at it, the lowest products, whose ranks are floats with
    # falling bits: top_k is fast for floats only.
    at_least = jax.lax.bitcast_convert_type(_BITS_OF_PRODUCT_0 - products, jnp.float32)
    ranks = jnp.where(keys > least, _HIGHEST_RANK, jnp.where(keys == least, at_least, 0.0))
    chosen = jax.lax.top_k(ranks, count)[1]
    falling, products, codes = jax.lax.sort(
        (-_pick(keys, chosen), _pick(products, chosen), _pick(codes, _pick(beam, chosen))),
        num_keys=2)
    exists = falling < jnp.inf
    room = ((0, 0), (0, num_products - count))
    return (jnp.pad(jnp.where(exists, products, NO_PRODUCT), room, constant_values=NO_PRODUCT),
            jnp.pad(-falling, room, constant_values=-jnp.inf),
            jnp.pad(jnp.where(exists, codes, NO_CODE), room, constant_values=NO_CODE))


def _of_beam(values: jax.Array, beam: jax.Array) -> jax.Array:
    """The value ([batch, beams]) of each place's beam ([batch, n]), without a gather."""
    is_own = beam[:, :, None] == jnp.arange(values.shape[1])
    return jnp.where(is_own, values[:, None, :], 0).sum(-1, dtype=values.dtype)


def _entries(array: jax.Array, places: jax.Array) -> jax.Array:
    return array.at[places].get(mode="promise_in_bounds")


def _pick(array: jax.Array, columns: jax.Array) -> jax.Array:
    return jnp.take_along_axis(array, columns, axis=1, mode="promise_in_bounds")
