"""The learned head: a product's score from features of how a query's codes reach it.

    S(q, t) = u . z + v . relu(z W + b),    z = (x - mean) / scale

Method section 4 asks for a head that is stronger than either sum over the tokens of one code: this
one sees all codes that reach a product at once and, where its features say so, the words and the
embeddings of query and product. It is trained listwise over the candidates of a query. Pure
functions of features; how these are computed is a matter of the index that holds the products.
"""

import dataclasses
import functools
from collections.abc import Collection, Mapping

import jax
import jax.numpy as jnp
import numpy as np

LEARNED = "learned"
"""The name of the head."""

_NO_CANDIDATE = -1e30
"""The score of padding: finite, so that a row of padding alone has a gradient, of 0."""

FEATURE_GROUPS: Mapping[str, tuple[str, ...]] = {
    "code": (
        "query_log_prob", "product_log_prob", "query_token_mean", "product_token_mean",
        "log_prob_sum", "query_over_codes", "product_over_codes", "query_over_postings",
        "best_query_log_prob", "best_product_log_prob", "num_codes", "jensen_shannon",
        "coarse", "fine", "posting_size", "smallest_posting", "codes_of_product",
        "top_log_prob"),
    "embedding": ("cosine",),
    "lexical": ("matched_idf", "query_share", "title_share"),
}
"""What a feature is computed from -> its features; `retrieval.learned_features` defines each."""


def features_of(groups: Collection[str]) -> tuple[str, ...]:
    """The features of some groups, in the order of `FEATURE_GROUPS`.

    Raises:
      ValueError: no group has that name.
    """
    if unknown := set(groups) - FEATURE_GROUPS.keys():
        raise ValueError(f"no group of features is called {', '.join(sorted(unknown))}; there are "
                         f"{', '.join(FEATURE_GROUPS)}")
    return tuple(name for group, names in FEATURE_GROUPS.items() if group in groups
                 for name in names)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class EmbeddingMaps:
    """How mean-pooled encoder outputs become the vectors whose cosine is a feature.

    A vector x becomes (x - center) @ projection, of length 1.
    """

    query_center: jax.Array  # float32 [d_model]
    query_projection: jax.Array  # float32 [d_model, embedding_size]
    product_center: jax.Array  # float32 [d_model]
    product_projection: jax.Array  # float32 [d_model, embedding_size]

    def of_queries(self, pooled: jax.Array) -> jax.Array:
        """float32 [..., d_model] -> float32 [..., embedding_size] of length 1."""
        return _unit((pooled - self.query_center) @ self.query_projection)

    def of_products(self, pooled: jax.Array) -> jax.Array:
        """float32 [..., d_model] -> float32 [..., embedding_size] of length 1."""
        return _unit((pooled - self.product_center) @ self.product_projection)


def _unit(vectors: jax.Array) -> jax.Array:
    return vectors * jax.lax.rsqrt(jnp.square(vectors).sum(axis=-1, keepdims=True) + 1e-12)


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=["mean", "scale", "linear", "hidden_weights", "hidden_bias", "output", "maps"],
    meta_fields=["features", "num_scored"],
)
@dataclasses.dataclass(frozen=True)
class LearnedScoreParams:
    """What is learned, and which features it reads.

    `features` and `num_scored` are static: a program computes no feature that is not named.

    Attributes:
      mean: float32 [features], of the features where the head was fitted.
      scale: float32 [features], their standard deviations.
      linear: float32 [features], u.
      hidden_weights: float32 [features, hidden], W.
      hidden_bias: float32 [hidden], b.
      output: float32 [hidden], v.
      maps: of embeddings; None where 'cosine' is not among the features.
      features: names in `FEATURE_GROUPS`, in the order of the axes above.
      num_scored: products of a query that are scored; where more are reached, those whose best
        code has the highest ln P(code | query) + ln P(code | product).

    Raises:
      ValueError: a feature is unknown or comes twice, or `maps` are missing.
    """

    mean: jax.Array
    scale: jax.Array
    linear: jax.Array
    hidden_weights: jax.Array
    hidden_bias: jax.Array
    output: jax.Array
    maps: EmbeddingMaps | None
    features: tuple[str, ...]
    num_scored: int

    def __post_init__(self):
        known = features_of(FEATURE_GROUPS)
        if unknown := set(self.features) - set(known):
            raise ValueError(f"no feature is called {', '.join(sorted(unknown))}; there are "
                             f"{', '.join(known)}")
        if len(set(self.features)) != len(self.features):
            raise ValueError(f"a feature is named twice: {', '.join(self.features)}")
        if self.maps is None and self.reads("embedding"):
            raise ValueError("the feature 'cosine' needs the maps of embeddings")

    def reads(self, group: str) -> bool:
        """Whether a feature of this group is used."""
        return any(name in self.features for name in FEATURE_GROUPS[group])

    @classmethod
    def initial(cls, features: tuple[str, ...], *, hidden_size: int, num_scored: int,
                mean: np.ndarray, scale: np.ndarray, maps: EmbeddingMaps | None,
                seed: int = 0) -> "LearnedScoreParams":
        """Linear weights of 0 and a hidden layer whose output is 0, so that all scores are."""
        rng = np.random.default_rng(seed)
        weights = rng.normal(0, len(features) ** -0.5, (len(features), hidden_size))
        return cls(np.asarray(mean, np.float32), np.asarray(scale, np.float32),
                   np.zeros(len(features), np.float32), weights.astype(np.float32),
                   np.zeros(hidden_size, np.float32), np.zeros(hidden_size, np.float32), maps,
                   features, num_scored)


def learned_score(params: LearnedScoreParams, features: jax.Array) -> jax.Array:
    """S of every candidate.

    Args:
      params: of the head.
      features: float32 [..., features, candidates], in the order of `params.features`.

    Returns:
      float32 [..., candidates]; larger is better.
    """
    normal = (features - params.mean[:, None]) / params.scale[:, None]
    hidden = jnp.einsum("...fn,fh->...hn", normal, params.hidden_weights)
    hidden = jax.nn.relu(hidden + params.hidden_bias[:, None])
    return (jnp.einsum("...fn,f->...n", normal, params.linear)
            + jnp.einsum("...hn,h->...n", hidden, params.output))


def listwise_loss(scores: jax.Array, gains: jax.Array, exists: jax.Array) -> jax.Array:
    """Softmax cross-entropy over the candidates of each query, by graded gains.

    -sum_i (g_i / sum_j g_j) ln softmax(s)_i, averaged over the queries that have a gain: ListNet's
    top-one loss (Cao et al., ICML 2007) with gains in place of the target's softmax.

    Args:
      scores: float32 [queries, candidates].
      gains: float32 [queries, candidates], at least 0.
      exists: bool [queries, candidates], False where padded.

    Returns:
      float32 []; 0 where no query has a gain.
    """
    gains = jnp.where(exists, gains, 0.0)
    total = gains.sum(axis=1)
    log_shares = jax.nn.log_softmax(jnp.where(exists, scores, _NO_CANDIDATE), axis=1)
    losses = -(gains * log_shares).sum(axis=1) / jnp.where(total > 0, total, 1.0)
    return losses.sum() / jnp.maximum((total > 0).sum(), 1)
