"""The score of a product for a query through the code that joins them.

Pure functions of token log-probabilities; knows nothing about models, indexes or how the
weights are fitted. A head turns the two probabilities of each token into a cost; the score is

    S(q, t | c) = w_g * sum_i cost_i + b_g

with a weight and a bias for each granularity g. Weights start at -1, so that cost lowers a score.
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp

_NUM_GRANULARITIES = 3
_SMALLEST_LOG_PROB = -1e4
"""Probabilities below exp of this are 0 in any float; the bound keeps 0 * -inf out of sums."""


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class CodeScoreParams:
    """What is learned, by granularity: 0 coarse, 1 medium, 2 fine."""

    granularity_weights: jax.Array  # float32 [3]
    granularity_bias: jax.Array  # float32 [3]

    @classmethod
    def initial(cls) -> "CodeScoreParams":
        """Weights of -1 and no bias."""
        return cls(
            granularity_weights=-jnp.ones(_NUM_GRANULARITIES),
            granularity_bias=jnp.zeros(_NUM_GRANULARITIES),
        )


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class CodeEvidence:
    """What joins a query and a product: a code, seen from both sides."""

    query_token_log_probs: jax.Array  # float32 [..., length]
    product_token_log_probs: jax.Array  # float32 [..., length]
    mask: jax.Array  # bool [..., length], False where padded
    granularity: jax.Array  # int [...], 0 coarse, 1 medium, 2 fine


def jensen_shannon_terms(
    query_log_probs: jax.Array, product_log_probs: jax.Array, mask: jax.Array
) -> jax.Array:
    """The terms of GRAM's relevance score, one a token.

    P^q ln(2 P^q / (P^q + P^t)) + P^t ln(2 P^t / (P^q + P^t)): 0 where both sides agree, positive
    where they do not.

    Args:
      query_log_probs: [..., length], ln P^q.
      product_log_probs: [..., length], ln P^t.
      mask: [..., length], False where padded.

    Returns:
      [..., length] terms, 0 where masked.

    Examples:
      Not monotone in quality: a query that doubts a token agrees with a product that does too.

      >>> of_query, of_products = jnp.array([0.2, 0.2, 0.2]), jnp.array([0.2, 0.01, 0.9])
      >>> terms = jensen_shannon_terms(jnp.log(of_query), jnp.log(of_products), jnp.ones(3, bool))
      >>> [f"{term:.3f}" for term in terms]
      ['0.000', '0.105', '0.241']
    """
    query = jnp.maximum(query_log_probs, _SMALLEST_LOG_PROB)
    product = jnp.maximum(product_log_probs, _SMALLEST_LOG_PROB)
    middle = jnp.logaddexp(query, product) - jnp.log(2.0)
    terms = jnp.exp(query) * (query - middle) + jnp.exp(product) * (product - middle)
    return jnp.where(mask, terms, 0.0)


def surprisal_terms(
    query_log_probs: jax.Array, product_log_probs: jax.Array, mask: jax.Array
) -> jax.Array:
    """-(ln P^q + ln P^t), one a token; arguments and result as in `jensen_shannon_terms`."""
    return one_side_surprisal(query_log_probs, mask) + one_side_surprisal(product_log_probs, mask)


def one_side_surprisal(log_probs: jax.Array, mask: jax.Array) -> jax.Array:
    """-ln P of the tokens that `mask` keeps, one a token, of a query or of a product."""
    return jnp.where(mask, -jnp.maximum(log_probs, _SMALLEST_LOG_PROB), 0.0)


HEADS: dict[str, Callable[[jax.Array, jax.Array, jax.Array], jax.Array]] = {
    "jensen_shannon": jensen_shannon_terms,
    "log_prob_sum": surprisal_terms,
}
"""Name -> cost of each token. With initial parameters the score of 'log_prob_sum' is
sum ln P^q + sum ln P^t."""

SIDE_COSTS: dict[str, Callable[[jax.Array, jax.Array], jax.Array]] = {
    "log_prob_sum": one_side_surprisal,
}
"""Of the heads whose cost is that of the query's side plus that of the product's: the cost of each
token of one side. What a product costs is then known before any query is."""


def code_score(
    head: str,
    params: CodeScoreParams,
    query_token_log_probs: jax.Array,
    product_token_log_probs: jax.Array,
    mask: jax.Array,
    granularity: jax.Array,
) -> jax.Array:
    """S(q, t | c) of the GRAM paper, or of another head.

    Args:
      head: a name in `HEADS`.
      params: weights and biases of the granularities.
      query_token_log_probs: [..., length], ln P^q of the code's tokens.
      product_token_log_probs: [..., length], ln P^t of the code's tokens.
      mask: [..., length], False where padded.
      granularity: int [...], 0 coarse, 1 medium, 2 fine.

    Returns:
      float32 [...] scores; larger is better.

    Raises:
      ValueError: no head has that name.
    """
    if head not in HEADS:
        raise ValueError(f"no scoring head is called {head!r}; there are {sorted(HEADS)}")
    cost = HEADS[head](query_token_log_probs, product_token_log_probs, mask).sum(axis=-1)
    return score_of_cost(params, cost, granularity)


def score_of_cost(params: CodeScoreParams, cost: jax.Array, granularity: jax.Array) -> jax.Array:
    """S from the cost of a code's tokens (float32 [...]) and its granularity (int [...])."""
    return params.granularity_weights[granularity] * cost + params.granularity_bias[granularity]


def margin_loss(
    params: CodeScoreParams,
    head: str,
    positives: CodeEvidence,
    negatives: CodeEvidence,
    mu: float,
) -> jax.Array:
    """Mean of max(0, S(q, t_neg | c) - S(q, t_pos | c) + mu), L_rele of the GRAM paper.

    Args:
      params: what is learned; the evidence is held fixed.
      head: a name in `HEADS`.
      positives: [pairs, ...], how each relevant product was found.
      negatives: the same for a less relevant product of the same query, by the same code or
        another one.
      mu: the margin, in units of the score.

    Returns:
      float32 [].
    """
    positive = _score(params, head, positives)
    negative = _score(params, head, negatives)
    return jnp.mean(jax.nn.relu(negative - positive + mu))


def _score(params: CodeScoreParams, head: str, evidence: CodeEvidence) -> jax.Array:
    fixed = jax.lax.stop_gradient(evidence)
    return code_score(
        head,
        params,
        fixed.query_token_log_probs,
        fixed.product_token_log_probs,
        fixed.mask,
        fixed.granularity,
    )
