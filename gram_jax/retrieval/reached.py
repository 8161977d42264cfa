"""The products that a query's codes reach, each once, with what every code says of it.

Knows postings and beams; nothing of features or heads. `places` says how candidates are numbered;
a *row* here is a product of a query.
"""

import dataclasses

import jax
import jax.numpy as jnp

from gram_jax.retrieval.device_index import DeviceIndex
from gram_jax.retrieval.grouping import group_leaders, group_leaders_by_sort
from gram_jax.retrieval.places import Places, entries, of_beam, pick


@dataclasses.dataclass(frozen=True)
class ReachedProducts:
    """Products of a batch of queries; rows that do not exist hold anything."""

    exists: jax.Array  # bool [batch, rows]
    products: jax.Array  # int32 [batch, rows]
    log_probs: jax.Array  # float32 [batch, beam, rows], ln P(code | product); -inf: not reached
    postings: jax.Array  # int32 [batch, beam, rows], 0 where not reached


def reached_products(index: DeviceIndex, places: Places, query_log_probs: jax.Array, *,
                     most: int) -> ReachedProducts:
    """The products in the places.

    Args:
      index: of the learned head.
      places: [batch, size].
      query_log_probs: float32 [batch, beam], ln P(code | query); any where not alive.
      most: products that are kept of a query; where there are more, those whose best code has the
        highest ln P(code | query) + ln P(code | product), and of equal ones those that the better
        beam reaches first.
    """
    size, num_beams = places.exists.shape[1], query_log_probs.shape[1]
    # On a TPU a sort is cheap and a write to computed places dear; elsewhere the other way round.
    leaders = jax.lax.platform_dependent(places.products, places.exists,
                                         tpu=group_leaders_by_sort, default=group_leaders)
    log_probs = -entries(index.posting_costs, places.postings)
    if size <= most:
        row, exists = leaders, places.exists & (leaders == jnp.arange(size))
        num_rows, products = size, places.products
    else:
        num_rows = most
        joint = of_beam(query_log_probs, places.beam) + log_probs
        best = _best_of_leaders(leaders, jnp.where(places.exists, joint, -jnp.inf))
        keys, chosen = jax.lax.top_k(best, most)
        exists, products = keys > -jnp.inf, pick(places.products, chosen)
        row = pick(_inverse(chosen, size), leaders)
    row = jnp.where(places.exists, row, num_rows)  # outside, where writes are dropped
    return ReachedProducts(
        exists, products,
        _spread(places.beam, row, log_probs, -jnp.inf, num_beams, num_rows),
        _spread(places.beam, row, places.postings, 0, num_beams, num_rows))


@jax.vmap
def _best_of_leaders(leaders: jax.Array, values: jax.Array) -> jax.Array:
    """At each leader the highest value of its group, -inf elsewhere."""
    return jnp.full(values.shape, -jnp.inf, values.dtype).at[leaders].max(
        values, mode="promise_in_bounds")


def _inverse(chosen: jax.Array, size: int) -> jax.Array:
    """int32 [batch, size]: where each place stands in `chosen` [batch, n], n where it does not."""
    count = chosen.shape[1]
    numbers = jnp.arange(count, dtype=jnp.int32)
    return jax.vmap(lambda places: jnp.full(size, count, jnp.int32).at[places].set(
        numbers, mode="promise_in_bounds"))(chosen)


def _spread(beam, row, values, fill, num_beams: int, num_rows: int) -> jax.Array:
    """The values ([batch, size]) by beam and row: [batch, beam, rows], `fill` where there is none.
    """
    empty = jnp.full((num_beams, num_rows), fill, values.dtype)
    return jax.vmap(lambda beam, row, values: empty.at[beam, row].set(values, mode="drop"))(
        beam, row, values)
