"""The optimizers: AdamW and Adafactor with a schedule, clipping and selective weight decay.

Knows params only by their paths and shapes.
"""

import dataclasses
from typing import Any

import jax
import optax

from gram_jax.training.schedules import Schedule


@dataclasses.dataclass(frozen=True)
class Optimizer:
    """An optax transformation together with the schedule inside it, so that it can be logged."""

    transformation: optax.GradientTransformation
    learning_rate: Schedule


def adamw(
    learning_rate: Schedule,
    *,
    beta1: float = 0.9,
    beta2: float = 0.98,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
    max_grad_norm: float | None = 1.0,
) -> Optimizer:
    """AdamW (Loshchilov and Hutter, arXiv 1711.05101).

    Args:
      learning_rate: the schedule; it scales the weight decay too.
      beta1: decay of the mean of the gradients.
      beta2: decay of the mean of their squares.
      epsilon: added to the root of the mean of squares.
      weight_decay: share of the params taken off per unit of learning rate, where
        `decays` says so.
      max_grad_norm: gradients with a greater global norm are scaled down to it; None: never.
    """
    return _chain(
        learning_rate, weight_decay, max_grad_norm,
        optax.scale_by_adam(b1=beta1, b2=beta2, eps=epsilon))


def adafactor(
    learning_rate: Schedule,
    *,
    decay_rate: float = 0.8,
    min_factored_size: int = 128,
    max_update_rms: float = 1.0,
    weight_decay: float = 0.0,
    max_grad_norm: float | None = None,
) -> Optimizer:
    """Adafactor without momentum (Shazeer and Stern, arXiv 1804.04235): T5's optimizer.

    Updates are scaled by the root mean square of each param, so `learning_rate` is relative: T5
    used `warmup_rsqrt` with a peak of 0.01.

    Args:
      learning_rate: the schedule; it scales the weight decay too.
      decay_rate: exponent of the growing decay of the second moment.
      min_factored_size: matrices with both axes at least this long keep row and column means only.
      max_update_rms: an array's update with a greater root mean square is scaled down to it.
      weight_decay: as in `adamw`.
      max_grad_norm: as in `adamw`.
    """
    return _chain(
        learning_rate, weight_decay, max_grad_norm,
        optax.scale_by_factored_rms(
            decay_rate=decay_rate, min_dim_size_to_factor=min_factored_size),
        optax.clip_by_block_rms(max_update_rms),
        optax.scale_by_param_block_rms())


def decays(params: Any) -> Any:
    """Which params are decayed: matrices, except biases (relative position too) and norms."""
    def decayed(path, param) -> bool:
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        return len(param.shape) > 1 and "bias" not in name and "norm" not in name

    return jax.tree_util.tree_map_with_path(decayed, params)


def _chain(learning_rate, weight_decay, max_grad_norm, *scalings) -> Optimizer:
    clipping = () if max_grad_norm is None else (optax.clip_by_global_norm(max_grad_norm),)
    return Optimizer(
        optax.chain(
            *clipping,
            *scalings,
            optax.add_decayed_weights(weight_decay, mask=decays),
            optax.scale_by_learning_rate(learning_rate)),
        learning_rate)
