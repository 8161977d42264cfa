"""What the tagger learns to minimise, and how it is asked for tags. Knows nothing of texts."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from gram_jax.core.batch import TaggingBatch
from gram_jax.models.config import TaggerConfig
from gram_jax.models.objectives import Objective, ObjectiveValue
from gram_jax.models.params import Params, bind
from gram_jax.models.tag_chain import (
    MASKED,
    best_sequence,
    log_normalizer,
    sequence_score,
    tag_log_probs,
)


def tagging_objective(config: TaggerConfig, allowed: np.ndarray) -> Objective:
    """Minus the log-likelihood of tag sequences, of which O may be half believed.

    A source that leaves values out says little by a word it does not mark. With weight w of what
    lies outside, the loss is log Z - w * score(tags) - (1 - w) * log Z', where Z' sums over all
    sequences that agree with the marked words alone (the partial CRF of Tsuboi et al., COLING
    2008): at w = 1 the usual one, at w = 0 an unmarked word may be anything.

    Args:
      config: the tagger's sizes.
      allowed: bool [num_tags + 1, num_tags], `attributes.tags.TagSet.allowed`.

    Returns:
      An objective with metric 'accuracy' (share of texts whose best sequence is the given one).
    """
    mask = np.where(allowed, 0.0, MASKED).astype(np.float32)

    def objective(params: Params, batch: TaggingBatch, rng: jax.Array | None) -> ObjectiveValue:
        model = bind(config, params)
        emissions = model(batch.ngrams, batch.marks, batch.lengths, dropout_rng=rng)
        transitions = model.transitions[...] + mask
        inside = jnp.arange(batch.tags.shape[1]) < batch.lengths[:, None]
        believed = batch.outside_weights
        complete = sequence_score(emissions, transitions, batch.tags, batch.lengths)
        agreeing = log_normalizer(
            jnp.where(_agrees(batch.tags, config.num_tags), emissions, MASKED), transitions,
            batch.lengths)
        reached = believed * complete + (1.0 - believed) * agreeing
        loss = log_normalizer(emissions, transitions, batch.lengths) - reached
        best, _ = best_sequence(emissions, transitions, batch.lengths)
        right = jnp.all((best == batch.tags) | ~inside, axis=1)
        return ObjectiveValue(
            loss_sum=jnp.sum(loss * batch.weights),
            weight_sum=jnp.sum(batch.weights),
            metrics={"accuracy": jnp.sum(right * batch.weights)})

    return objective


def _agrees(tags: jax.Array, num_tags: int) -> jax.Array:
    """bool [batch, length, tags]: what a word may be if O in `tags` stands for anything.

    Behind a span anything but its continuation, which would move its end.
    """
    every = jnp.arange(num_tags)
    marked = tags > 0
    before = jnp.concatenate([jnp.zeros_like(tags[:, :1]), tags[:, :-1]], axis=1)
    inside_of_before = jnp.where(before > 0, before + before % 2, -1)
    free = every != inside_of_before[..., None]
    return jnp.where(marked[..., None], every == tags[..., None], free)


@functools.partial(jax.jit, static_argnames="config")
def tag_words(
    config: TaggerConfig, params: Params, transition_mask: jax.Array, ngrams: jax.Array,
    marks: jax.Array, lengths: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """The best tags of texts, and how sure each is.

    Args:
      config: the tagger's sizes.
      params: its parameters.
      transition_mask: float32 [num_tags + 1, num_tags], MASKED where one may not follow another.
      ngrams: int32 [batch, length, ngrams].
      marks: int32 [batch, length, marks].
      lengths: int32 [batch].

    Returns:
      int32 [batch, length] tags, 0 behind the length, and float32 [batch, length] probabilities
      of these tags over all sequences.
    """
    model = bind(config, params)
    emissions = model(ngrams, marks, lengths)
    transitions = model.transitions[...] + transition_mask
    tags, _ = best_sequence(emissions, transitions, lengths)
    log_probs = tag_log_probs(emissions, transitions, lengths)
    chosen = jnp.take_along_axis(log_probs, tags[..., None], axis=-1)[..., 0]
    return tags, jnp.exp(chosen)
