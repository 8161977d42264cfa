"""What the relevance model learns to minimise. Knows nothing of texts or of how pairs are mined."""

import jax
import jax.numpy as jnp

from gram_jax.core.batch import RelevanceBatch
from gram_jax.models.config import RelevanceConfig
from gram_jax.models.objectives import Objective, ObjectiveValue
from gram_jax.models.params import Params, bind


def relevance_objective(config: RelevanceConfig) -> Objective:
    """Cross entropy of 'relevant' or not, pair by pair.

    Args:
      config: the model's sizes.

    Returns:
      An objective with metric 'accuracy' (weight of pairs that are told right at a logit of 0).
    """

    def objective(params: Params, batch: RelevanceBatch, rng: jax.Array | None) -> ObjectiveValue:
        model = bind(config, params)
        logits = model(model.embed_words(batch.word_ngrams), batch.word_rarities, batch.queries,
                       batch.products, dropout_rng=rng)
        loss = jax.nn.softplus(logits) - batch.labels * logits
        right = (logits > 0) == (batch.labels > 0.5)
        return ObjectiveValue(
            loss_sum=jnp.sum(loss * batch.weights), weight_sum=jnp.sum(batch.weights),
            metrics={"accuracy": jnp.sum(right * batch.weights)})

    return objective
