"""Learning rates as functions of the step. Knows no optimizer.

A schedule is asked for step 0 before the first update, so the warm-up counts from 1: the first
update already moves the params.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from gram_jax.core.errors import ConfigError

Schedule = Callable[[jax.Array], jax.Array]
"""From the number of updates done, int32 [], to the learning rate of the next, float32 []."""


def warmup_constant(*, peak: float, warmup_steps: int = 0) -> Schedule:
    """Rises linearly to `peak` within `warmup_steps` updates and stays there."""
    return lambda step: jnp.asarray(peak * _warmup(step, warmup_steps), jnp.float32)


def warmup_cosine(
    *, peak: float, num_steps: int, warmup_steps: int = 0, final_share: float = 0.0
) -> Schedule:
    """Rises linearly to `peak`, then falls along a half cosine to `final_share * peak`.

    Args:
      peak: the highest learning rate.
      num_steps: updates of the whole run; from then on the rate stays at its last value.
      warmup_steps: updates until the peak.
      final_share: last learning rate as a share of the peak, 0 to 1.

    Raises:
      ConfigError: the warm-up takes all steps.
    """
    if not 0 <= warmup_steps < num_steps:
        raise ConfigError(f"warmup_steps {warmup_steps} is not in [0, num_steps = {num_steps}): "
                          "bind fewer for so short a run")

    def schedule(step: jax.Array) -> jax.Array:
        share = jnp.clip((step - warmup_steps) / (num_steps - warmup_steps), 0.0, 1.0)
        fall = final_share + (1 - final_share) * 0.5 * (1 + jnp.cos(jnp.pi * share))
        return jnp.asarray(peak * _warmup(step, warmup_steps) * fall, jnp.float32)

    return schedule


def warmup_rsqrt(*, peak: float, warmup_steps: int) -> Schedule:
    """Rises linearly to `peak`, then falls as one over the square root of the step (T5)."""
    if warmup_steps < 1:
        raise ConfigError(f"warmup_steps {warmup_steps} is not positive")

    def schedule(step: jax.Array) -> jax.Array:
        fall = jnp.sqrt(warmup_steps / jnp.maximum(step + 1, warmup_steps))
        return jnp.asarray(peak * _warmup(step, warmup_steps) * fall, jnp.float32)

    return schedule


def _warmup(step: jax.Array, warmup_steps: int) -> jax.Array:
    return jnp.minimum(1.0, (step + 1) / max(warmup_steps, 1))
