"""A linear chain over tags: the best sequence, and the sum over sequences, by dynamic programs.

A sequence y of tags has the score sum_i emissions[i, y_i] + transitions[y_{i-1}, y_i], where the
last row of `transitions` stands for the start (Lafferty et al., Conditional Random Fields, ICML
2001). What may not follow has MASKED there. Knows nothing of words, networks or what tags mean.
"""

import jax
import jax.numpy as jnp

MASKED = -1e4
"""Far below any score, yet so small that sums of it over a long text keep float32's digits."""


def log_normalizer(
    emissions: jax.Array, transitions: jax.Array, lengths: jax.Array
) -> jax.Array:
    """log sum over all sequences of exp(score).

    Args:
      emissions: float32 [batch, length, tags].
      transitions: float32 [tags + 1, tags].
      lengths: int32 [batch], at least 1; what lies behind has no part in it.

    Returns:
      float32 [batch].
    """
    # exp(transitions) is the same at every step, so the sum over tags is a matrix product: much
    # cheaper than a logsumexp over [batch, tags, tags].
    weights = jnp.exp(transitions[:-1])

    def step(alpha, numbered):
        place, emission = numbered
        highest = jax.lax.stop_gradient(jnp.max(alpha, axis=-1, keepdims=True))
        summed = jnp.exp(alpha - highest) @ weights
        after = emission + highest + jnp.log(jnp.maximum(summed, 1e-30))
        return jnp.where((place < lengths)[:, None], after, alpha), None

    first = emissions[:, 0] + transitions[-1]
    places = jnp.arange(1, emissions.shape[1])
    alpha, _ = jax.lax.scan(step, first, (places, jnp.swapaxes(emissions[:, 1:], 0, 1)))
    return jax.nn.logsumexp(alpha, axis=-1)


def sequence_score(
    emissions: jax.Array, transitions: jax.Array, tags: jax.Array, lengths: jax.Array
) -> jax.Array:
    """The score of given sequences.

    Args:
      emissions: float32 [batch, length, tags].
      transitions: float32 [tags + 1, tags].
      tags: int32 [batch, length].
      lengths: int32 [batch].

    Returns:
      float32 [batch].
    """
    num_tags = emissions.shape[-1]
    here = jax.nn.one_hot(tags, num_tags, dtype=emissions.dtype)
    start = jnp.full_like(tags[:, :1], num_tags)
    before = jnp.concatenate([start, tags[:, :-1]], axis=1)
    # Products with one-hot rows: their gradient is a product, not a scatter.
    moved = jax.nn.one_hot(before, num_tags + 1, dtype=emissions.dtype) @ transitions
    inside = jnp.arange(tags.shape[1]) < lengths[:, None]
    return jnp.sum(jnp.where(inside, jnp.sum((emissions + moved) * here, axis=-1), 0.0), axis=-1)


def best_sequence(
    emissions: jax.Array, transitions: jax.Array, lengths: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """The sequence with the highest score (Viterbi).

    Args:
      emissions: float32 [batch, length, tags].
      transitions: float32 [tags + 1, tags].
      lengths: int32 [batch], at least 1.

    Returns:
      int32 [batch, length] tags, 0 behind the length, and float32 [batch] scores.
    """
    def step(best, numbered):
        place, emission = numbered
        reached = best[:, :, None] + transitions[:-1]
        after = jnp.max(reached, axis=1) + emission
        came_from = jnp.argmax(reached, axis=1).astype(jnp.int32)
        inside = (place < lengths)[:, None]
        stay = jnp.broadcast_to(jnp.arange(emission.shape[-1], dtype=jnp.int32), came_from.shape)
        return jnp.where(inside, after, best), jnp.where(inside, came_from, stay)

    first = emissions[:, 0] + transitions[-1]
    places = jnp.arange(1, emissions.shape[1])
    best, came_from = jax.lax.scan(step, first, (places, jnp.swapaxes(emissions[:, 1:], 0, 1)))
    last = jnp.argmax(best, axis=-1).astype(jnp.int32)

    def back(tag, origins):
        earlier = jnp.take_along_axis(origins, tag[:, None], axis=1)[:, 0]
        return earlier, tag

    first_tag, later = jax.lax.scan(back, last, came_from, reverse=True)
    tags = jnp.concatenate([first_tag[None], later]).T
    inside = jnp.arange(emissions.shape[1]) < lengths[:, None]
    return jnp.where(inside, tags, 0), jnp.max(best, axis=-1)


def tag_log_probs(
    emissions: jax.Array, transitions: jax.Array, lengths: jax.Array
) -> jax.Array:
    """The log-probability of every tag at every word, over all sequences.

    The gradient of the log-normaliser by the emissions is the probability of each tag there.

    Returns:
      float32 [batch, length, tags]; nothing meant behind the length.
    """
    marginals = jax.grad(lambda e: jnp.sum(log_normalizer(e, transitions, lengths)))(emissions)
    return jnp.log(jnp.clip(marginals, 1e-12, 1.0))
