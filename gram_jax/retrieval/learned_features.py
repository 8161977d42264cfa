"""The features of the learned head, each a function of how a query's codes reach a product.

Computed on the device, for all products of a query at once; only those that are asked for. Knows
the index, beams and the query's side; nothing of how features become a score. The *best code* of a
product is the one with the highest ln P(code | query) + ln P(code | product), the better beam in a
tie.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp

from gram_jax.decoding.beam_state import Beams
from gram_jax.models.code_score import HEADS, SIDE_COSTS
from gram_jax.models.learned_score import EmbeddingMaps
from gram_jax.retrieval.device_index import DeviceIndex
from gram_jax.retrieval.places import BeamPostings, entries, pick
from gram_jax.retrieval.product_arrays import EMBEDDING_STEPS
from gram_jax.retrieval.query_side import QuerySide
from gram_jax.retrieval.reached import ReachedProducts

_FINE = 2


def query_log_probs(beams: Beams) -> jax.Array:
    """ln P(code | query) of each beam, float32 [batch, beam]."""
    return -SIDE_COSTS["log_prob_sum"](beams.token_log_probs, beams.tokens != 0).sum(-1)


@dataclasses.dataclass(frozen=True, eq=False)
class FeatureView:
    """What features are computed from; what several of them share is computed once."""

    index: DeviceIndex
    beams: Beams
    found: BeamPostings
    side: QuerySide
    reached: ReachedProducts

    @functools.cached_property
    def query_log_probs(self) -> jax.Array:
        """float32 [batch, beam]."""
        return query_log_probs(self.beams)

    @functools.cached_property
    def reaches(self) -> jax.Array:
        """Whether each code reaches each product, bool [batch, beam, rows]."""
        return self.reached.log_probs > -jnp.inf

    @functools.cached_property
    def is_best(self) -> jax.Array:
        """Whether each code is a product's best, bool [batch, beam, rows]."""
        best = jnp.argmax(self.joint, axis=1)
        return best[:, None, :] == jnp.arange(self.joint.shape[1])[:, None]

    @functools.cached_property
    def joint(self) -> jax.Array:
        """ln P(code | query) + ln P(code | product), float32 [batch, beam, rows]."""
        return self.query_log_probs[:, :, None] + self.reached.log_probs

    @functools.cached_property
    def lengths(self) -> jax.Array:
        """Tokens of each code, float32 [batch, beam]; 1 where not alive."""
        return jnp.maximum((self.beams.tokens != 0).sum(-1), 1).astype(jnp.float32)

    @functools.cached_property
    def log_sizes(self) -> jax.Array:
        """ln of how many products each code has, float32 [batch, beam]."""
        return jnp.log(jnp.maximum(self.found.sizes, 1).astype(jnp.float32))

    @functools.cached_property
    def granularities(self) -> jax.Array:
        """int8 [batch, beam]."""
        return self.index.code_granularities[self.found.codes]

    @functools.cached_property
    def matched_idf(self) -> jax.Array:
        """The idf of the query's tokens that the product has, float32 [batch, rows]."""
        terms = entries(self.index.products.terms, self.reached.products)
        columns = terms.reshape(terms.shape[0], -1).astype(jnp.int32)
        return pick(self.idf_of_query, columns).reshape(terms.shape).sum(-1)

    @functools.cached_property
    def idf_of_query(self) -> jax.Array:
        """The idf of each token of the vocabulary that the query has, float32 [batch, vocab]."""
        idf = self.index.products.token_idf
        return jax.vmap(lambda tokens: jnp.zeros_like(idf).at[tokens].set(
            idf.at[tokens].get(mode="fill", fill_value=0), mode="drop"))(self.side.tokens)

    def of_best(self, values: jax.Array) -> jax.Array:
        """The value ([batch, beam] or [batch, beam, rows]) of each product's best code."""
        values = values if values.ndim == 3 else values[:, :, None]
        return jnp.where(self.is_best, values, 0).sum(1)

    def of_reaching(self, values: jax.Array, otherwise: float) -> jax.Array:
        """The values ([batch, beam]) by product: [batch, beam, rows]."""
        return jnp.where(self.reaches, values[:, :, None], otherwise)


def _jensen_shannon(view: FeatureView) -> jax.Array:
    """The cost of the best code under the head of the GRAM paper, a weight of 1."""
    tokens = jnp.argmax(view.is_best, axis=1)[..., None]
    postings = view.of_best(view.reached.postings)
    terms = HEADS["jensen_shannon"](
        pick(view.beams.token_log_probs, tokens),
        entries(view.index.posting_token_log_probs, postings).astype(jnp.float32),
        pick(view.beams.tokens != 0, tokens))
    return terms.sum(-1)


def cosines(embeddings: jax.Array, products: jax.Array, maps: EmbeddingMaps,
            query_embeddings: jax.Array) -> jax.Array:
    """The cosine of each query with its products, float32 [batch, rows].

    Args:
      embeddings: int8 [products, embedding_size], as `product_arrays.ProductArrays` has them.
      products: int32 [batch, rows].
      maps: of the head.
      query_embeddings: float32 [batch, d_model].
    """
    query = maps.of_queries(query_embeddings)
    steps = entries(embeddings, products)
    return (steps.astype(jnp.float32) * query[:, None, :]).sum(-1) / EMBEDDING_STEPS


def _cosine(view: FeatureView) -> jax.Array:
    return cosines(view.index.products.embeddings, view.reached.products,
                   view.index.score_params.maps, view.side.embeddings)


def _query_share(view: FeatureView) -> jax.Array:
    return view.matched_idf / jnp.maximum(view.idf_of_query.sum(-1), 1e-6)[:, None]


def _title_share(view: FeatureView) -> jax.Array:
    sums = entries(view.index.products.idf_sums, view.reached.products)
    return view.matched_idf / jnp.maximum(sums, 1e-6)


def _top_log_prob(view: FeatureView) -> jax.Array:
    best = jnp.where(view.beams.alive[:, :1], view.query_log_probs[:, :1], 0.0)
    return jnp.broadcast_to(best, view.reached.products.shape)


FEATURES: Mapping[str, Callable[[FeatureView], jax.Array]] = {
    # Of the best code: ln P from either side, in all and a token.
    "query_log_prob": lambda view: view.of_best(view.query_log_probs),
    "product_log_prob": lambda view: view.of_best(view.reached.log_probs),
    "query_token_mean": lambda view: view.of_best(view.query_log_probs / view.lengths),
    "product_token_mean": lambda view: view.of_best(
        view.reached.log_probs / view.lengths[:, :, None]),
    # Over all codes that reach the product: ln of the sum of P.
    "log_prob_sum": lambda view: jax.nn.logsumexp(view.joint, axis=1),
    "query_over_codes": lambda view: jax.nn.logsumexp(
        view.of_reaching(view.query_log_probs, -jnp.inf), axis=1),
    "product_over_codes": lambda view: jax.nn.logsumexp(view.reached.log_probs, axis=1),
    # ln P(product | query), were all products of a code as probable.
    "query_over_postings": lambda view: jax.nn.logsumexp(
        view.of_reaching(view.query_log_probs - view.log_sizes, -jnp.inf), axis=1),
    "best_query_log_prob": lambda view: view.of_reaching(
        view.query_log_probs, -jnp.inf).max(axis=1),
    "best_product_log_prob": lambda view: view.reached.log_probs.max(axis=1),
    "num_codes": lambda view: jnp.log(jnp.maximum(view.reaches.sum(axis=1), 1)),
    "jensen_shannon": _jensen_shannon,
    "coarse": lambda view: view.of_best((view.granularities == 0).astype(jnp.float32)),
    "fine": lambda view: view.of_best((view.granularities == _FINE).astype(jnp.float32)),
    # ln of how many products are under the best code, and under the narrowest.
    "posting_size": lambda view: view.of_best(view.log_sizes),
    "smallest_posting": lambda view: view.of_reaching(view.log_sizes, jnp.inf).min(axis=1),
    # ln(1 + codes that the product has in the index).
    "codes_of_product": lambda view: jnp.log1p(
        entries(view.index.products.num_codes, view.reached.products).astype(jnp.float32)),
    # ln P of the query's first code: how sure the search was.
    "top_log_prob": _top_log_prob,
    "cosine": _cosine,
    # The idf of the tokens that query and title share: in all, of the query's and of the title's.
    "matched_idf": lambda view: view.matched_idf,
    "query_share": _query_share,
    "title_share": _title_share,
}
"""Name -> float32 [batch, rows]. The names are those of `models.learned_score.FEATURE_GROUPS`."""


def compute_features(view: FeatureView, names: tuple[str, ...]) -> jax.Array:
    """Float32 [batch, features, rows]; rows that do not exist hold zeros."""
    columns = jnp.stack([FEATURES[name](view) for name in names], axis=1)
    return jnp.where(view.reached.exists[:, None, :], columns, 0.0)
