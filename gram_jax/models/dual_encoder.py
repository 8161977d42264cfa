"""A dual encoder: one vector for a query, one for a product, trained so that clicked pairs meet.

Dense passage retrieval (Karpukhin et al., arXiv 2004.04906) with this project's encoder for both
sides, told apart by their prompts. Knows token ids; nothing of texts, of how negatives are mined or
of search.
"""

from typing import Literal

import jax
import jax.numpy as jnp

from gram_jax.core.batch import ContrastiveBatch
from gram_jax.models.config import ModelConfig
from gram_jax.models.objectives import Objective, ObjectiveValue
from gram_jax.models.params import Params, bind
from gram_jax.models.text_embedding import mean_pooled, sentence_embeddings

Similarity = Literal["cosine", "dot"]
_POOLED = {"cosine": sentence_embeddings, "dot": mean_pooled}


def contrastive_sums(queries: jax.Array, products: jax.Array, clicked: jax.Array, *,
                     temperature: float) -> tuple[jax.Array, jax.Array]:
    """Minus the log-likelihood of the clicked product among the candidates (equation 2 of DPR).

    A candidate that was clicked for the query too, though not in this row, is no negative: it is
    left out of the sum. An encoder that says the same of all texts puts no product first.

    Args:
      queries: float [batch, d_model].
      products: float [batch, products, d_model], the clicked one of each query first.
      clicked: bool [batch, batch * products], see `core.batch.ContrastiveBatch`.
      temperature: what similarities are divided by.

    Returns:
      The sum of the losses and the number of queries whose clicked product comes before all
      negatives, both [].
    """
    batch_size, num_products, _ = products.shape
    logits = jnp.einsum("qd,bpd->qbp", queries, products, precision="highest") / temperature
    logits = logits.reshape(batch_size, batch_size * num_products)
    own = jnp.arange(batch_size) * num_products
    is_own = own[:, None] == jnp.arange(logits.shape[1])
    logits = jnp.where(clicked & ~is_own, -jnp.inf, logits)
    own_logits = jnp.take_along_axis(logits, own[:, None], axis=1)[:, 0]
    losses = jax.nn.logsumexp(logits, axis=1) - own_logits
    best_other = jnp.where(is_own, -jnp.inf, logits).max(axis=1)
    return losses.sum(), (own_logits > best_other).sum()


def dual_encoder_objective(config: ModelConfig, *, temperature: float = 0.05,
                           similarity: Similarity = "cosine") -> Objective:
    """Cross entropy of the clicked product among all products of the batch.

    The negatives of a query are the others' products, so the batch cannot go through in parts
    (`num_microbatches`): each part would have fewer of them.

    Args:
      config: the model's sizes. Its decoder takes no part: freeze it with
        `rate_multipliers={"decoder": 0.0}`, or it takes room in the optimizer's state.
      temperature: what similarities are divided by; 1 in DPR, where they are not bounded.
      similarity: 'cosine', or 'dot' as in DPR.

    Returns:
      An objective with metric 'accuracy' (share of queries whose clicked product comes first).

    Raises:
      ValueError: a setting makes no sense; when traced, the batch was cut.
    """
    if similarity not in _POOLED or not temperature > 0:
        raise ValueError(f"similarity is {similarity!r} and temperature {temperature}; known are "
                         f"{sorted(_POOLED)}, and temperatures are above 0")
    pooled = _POOLED[similarity]

    def objective(params: Params, batch: ContrastiveBatch,
                  rng: jax.Array | None) -> ObjectiveValue:
        batch_size, num_products, length = batch.product_tokens.shape
        if batch.clicked.shape != (batch_size, batch_size * num_products):
            raise ValueError("the products of a batch are the negatives of each other's queries: "
                             "it cannot be cut, leave num_microbatches at 1")
        model = bind(config, params)
        query_rng, product_rng = (None, None) if rng is None else jax.random.split(rng)
        queries = pooled(model.encode(batch.query_tokens, dropout_rng=query_rng),
                         batch.query_tokens)
        flat = batch.product_tokens.reshape(-1, length)
        products = pooled(model.encode(flat, dropout_rng=product_rng), flat)
        loss_sum, num_first = contrastive_sums(
            queries, products.reshape(batch_size, num_products, -1), batch.clicked,
            temperature=temperature)
        return ObjectiveValue(loss_sum=loss_sum,
                              weight_sum=jnp.asarray(batch_size, jnp.float32),
                              metrics={"accuracy": num_first.astype(jnp.float32)})

    return objective
