"""Fits the learned head: listwise, by AdamW, until held-out queries stop getting better answers.

Knows candidates with features and gains, and a judge of parameters; nothing of indexes or queries.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gram_jax.models.learned_score import (
    EmbeddingMaps,
    LearnedScoreParams,
    learned_score,
    listwise_loss,
)
from gram_jax.retrieval.candidate_lists import CandidateLists

_WEIGHTS = ("linear", "hidden_weights", "hidden_bias", "output")
_VECTORS_FOR_MAPS = 20_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class LearnedFitSettings:
    """How a learned head is fitted.

    Args:
      hidden_size: of its hidden layer; 0 leaves the head linear.
      learning_rate: of AdamW.
      weight_decay: of AdamW.
      batch_size: queries a step.
      num_epochs: passes over the queries, at most.
      patience: epochs without a better judgement after which fitting ends.
      learns_maps: whether the maps of embeddings are learned with the rest, or stay as given.
    """

    hidden_size: int = 16
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    batch_size: int = 32
    num_epochs: int = 20
    patience: int = 3
    learns_maps: bool = True


@dataclasses.dataclass(frozen=True, eq=False)
class LearnedFit:
    """The best parameters, the mean loss of every epoch and what the judge said after it."""

    params: LearnedScoreParams
    losses: tuple[float, ...]
    judgements: tuple[float, ...]


def initial_maps(product_embeddings: np.ndarray, query_embeddings: np.ndarray, *, size: int,
                 seed: int = 0) -> EmbeddingMaps:
    """Maps that take either side's mean away and keep the main directions of the products.

    Encoders leave most of their outputs' length in a direction that all texts share, which hides
    how they differ (Mu and Viswanath, ICLR 2018).

    Args:
      product_embeddings: float [products, d_model].
      query_embeddings: float [queries, d_model].
      size: directions to keep, at most d_model.
      seed: of the sample of products that directions are found on.
    """
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(product_embeddings))[:_VECTORS_FOR_MAPS]
    products = product_embeddings[chosen].astype(np.float64)
    center = products.mean(axis=0) if len(products) else np.zeros(products.shape[1])
    _, directions = np.linalg.eigh((products - center).T @ (products - center))
    projection = directions[:, ::-1][:, :size].astype(np.float32)
    queries = (query_embeddings.astype(np.float64).mean(axis=0) if len(query_embeddings)
               else np.zeros_like(center))
    return EmbeddingMaps(queries.astype(np.float32), projection, center.astype(np.float32),
                         projection.copy())


def fit_learned_score(lists: CandidateLists, product_embeddings: np.ndarray,
                      features: tuple[str, ...], maps: EmbeddingMaps | None,
                      judge: Callable[[LearnedScoreParams], float], *, num_scored: int,
                      settings: LearnedFitSettings | None = None, seed: int = 0) -> LearnedFit:
    """Minimises the listwise loss.

    Args:
      lists: what to learn from; none at all leave scores of 0.
      product_embeddings: float16 [products, d_model], what the numbers in `lists` count.
      features: those to use, among the names of `lists`.
      maps: of embeddings to begin with; not used without the feature 'cosine'.
      judge: how good the answers are, larger is better; asked after every epoch.
      num_scored: see `LearnedScoreParams`.
      settings: of the fit.
      seed: of the order of queries and of the hidden layer.
    """
    settings = settings or LearnedFitSettings()
    mean, scale = lists.moments(features)
    params = LearnedScoreParams.initial(
        features, hidden_size=settings.hidden_size, num_scored=num_scored, mean=mean, scale=scale,
        maps=maps if "cosine" in features else None, seed=seed)
    if not lists.num_queries:
        return LearnedFit(params, (), ())
    rng = np.random.default_rng(seed)
    data = jax.device_put((lists.columns(features), lists.products, lists.gains, lists.exists,
                           lists.query_embeddings, product_embeddings))
    trained = _trained(params, settings.learns_maps)
    optimizer = optax.adamw(settings.learning_rate, weight_decay=settings.weight_decay)
    state, best, losses, judgements = optimizer.init(trained), params, [], []
    for _ in range(settings.num_epochs):
        order = _batches(rng.permutation(lists.num_queries), settings.batch_size)
        trained, state, epoch_losses = _epoch(params, trained, state, data, order, optimizer)
        losses.append(float(epoch_losses.mean()))
        now = jax.device_get(dataclasses.replace(params, **trained))
        judgements.append(judge(now))
        if judgements[-1] == max(judgements):
            best = now
        if len(judgements) - 1 - int(np.argmax(judgements)) >= settings.patience:
            break
    return LearnedFit(best, tuple(losses), tuple(judgements))


def _trained(params: LearnedScoreParams, learns_maps: bool) -> dict[str, Any]:
    """The parts of the parameters that are learned."""
    names = (*_WEIGHTS, *(("maps",) if learns_maps and params.maps is not None else ()))
    return {name: getattr(params, name) for name in names}


def _batches(order: np.ndarray, batch_size: int) -> np.ndarray:
    """int [batches, batch_size]; the last batch begins again with the first queries."""
    num_batches = -(-len(order) // batch_size)
    return np.resize(order, (num_batches, batch_size))


@functools.partial(jax.jit, static_argnames="optimizer")
def _epoch(params: LearnedScoreParams, trained, state, data, order, optimizer):
    """A step for each row of `order`; returns what was trained, the state and the losses."""
    def step(carry, rows):
        trained, state = carry
        loss, gradients = jax.value_and_grad(_loss)(trained, params, data, rows)
        updates, state = optimizer.update(gradients, state, trained)
        return (optax.apply_updates(trained, updates), state), loss

    (trained, state), losses = jax.lax.scan(step, (trained, state), order)
    return trained, state, losses


def _loss(trained, params: LearnedScoreParams, data, rows: jax.Array) -> jax.Array:
    columns, products, gains, exists, query_embeddings, product_embeddings = data
    params = dataclasses.replace(params, **trained)
    features = columns[rows]
    if "maps" in trained:
        queries = params.maps.of_queries(query_embeddings[rows])
        mapped = params.maps.of_products(product_embeddings[products[rows]].astype(jnp.float32))
        cosine = jnp.einsum("be,bne->bn", queries, mapped)
        features = features.at[:, params.features.index("cosine")].set(cosine)
    return listwise_loss(learned_score(params, features), gains[rows], exists[rows])
