"""The optimizers: AdamW and Adafactor with a schedule, clipping and selective weight decay.

Parameters may move at different rates, for instance pretrained ones slower than new ones, and some
not at all. Knows params only by their paths and shapes.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from gram_jax.core.errors import ConfigError
from gram_jax.training.by_layer import by_layer
from gram_jax.training.schedules import Schedule


@dataclasses.dataclass(frozen=True)
class Optimizer:
    """An optax transformation with the schedule inside it, so that it can be logged.

    Attributes:
      transformation: of the gradients of `trained(params)`.
      learning_rate: the schedule.
      rate_multipliers: path of a param, or of a folder of params such as 'encoder' -> what
        multiplies the learning rate there; the longest path that fits a param counts. Those at 0
        are frozen: nothing is computed or kept for them.
    """

    transformation: optax.GradientTransformation
    learning_rate: Schedule
    rate_multipliers: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def trained(self, params: Any) -> Any:
        """The tree with None in the place of every param that is frozen.

        Raises:
          ConfigError: a path of `rate_multipliers` is not in the tree.
        """
        paths = [_name(path) for path, _ in jax.tree_util.tree_leaves_with_path(params)]
        if unknown := [known for known in self.rate_multipliers
                       if not any(_is_in(path, known) for path in paths)]:
            raise ConfigError(f"rate_multipliers name {', '.join(unknown)}, but the params are "
                              f"{', '.join(sorted(params))} and what is in these")
        return jax.tree.map(lambda param, rate: param if rate else None, params,
                            _multipliers(params, self.rate_multipliers))


def _multipliers(params: Any, rate_multipliers: Mapping[str, float]) -> Any:
    """The tree of params with what multiplies the learning rate of each."""
    def multiplier(path, param) -> float:
        fitting = [known for known in rate_multipliers if _is_in(_name(path), known)]
        return float(rate_multipliers[max(fitting, key=len)]) if fitting else 1.0

    return jax.tree_util.tree_map_with_path(multiplier, params)


def _is_in(path: str, folder: str) -> bool:
    return f"{path}/".startswith(f"{folder}/")


def _name(path) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")


def merge_params(trained: Any, params: Any) -> Any:
    """The params with those of `trained`, a tree of `Optimizer.trained`, in their places."""
    return jax.tree.map(lambda new, old: old if new is None else new, trained, params,
                        is_leaf=lambda leaf: leaf is None)


def adamw(
    learning_rate: Schedule,
    *,
    beta1: float = 0.9,
    beta2: float = 0.98,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
    max_grad_norm: float | None = 1.0,
    rate_multipliers: Mapping[str, float] | None = None,
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
      rate_multipliers: as in `Optimizer`; they scale the weight decay too.
    """
    return _chain(
        learning_rate, weight_decay, max_grad_norm, rate_multipliers,
        optax.scale_by_adam(b1=beta1, b2=beta2, eps=epsilon))


def adafactor(
    learning_rate: Schedule,
    *,
    decay_rate: float = 0.8,
    min_factored_size: int = 128,
    max_update_rms: float = 1.0,
    weight_decay: float = 0.0,
    max_grad_norm: float | None = None,
    rate_multipliers: Mapping[str, float] | None = None,
) -> Optimizer:
    """Adafactor without momentum (Shazeer and Stern, arXiv 1804.04235): T5's optimizer.

    Updates are scaled by the root mean square of each param, so `learning_rate` is relative: T5
    used `warmup_rsqrt` with a peak of 0.01. Scanned layers are params of their own here.

    Args:
      learning_rate: the schedule; it scales the weight decay too.
      decay_rate: exponent of the growing decay of the second moment.
      min_factored_size: matrices with both axes at least this long keep row and column means only.
      max_update_rms: an array's update with a greater root mean square is scaled down to it.
      weight_decay: as in `adamw`.
      max_grad_norm: as in `adamw`.
      rate_multipliers: as in `adamw`.
    """
    return _chain(
        learning_rate, weight_decay, max_grad_norm, rate_multipliers,
        *map(by_layer, (
            optax.scale_by_factored_rms(
                decay_rate=decay_rate, min_dim_size_to_factor=min_factored_size),
            optax.clip_by_block_rms(max_update_rms),
            optax.scale_by_param_block_rms())))


def decays(params: Any) -> Any:
    """Which params are decayed: matrices, except biases (relative position too) and norms."""
    def decayed(path, param) -> bool:
        name = _name(path)
        return len(param.shape) > 1 and "bias" not in name and "norm" not in name

    return jax.tree_util.tree_map_with_path(decayed, params)


def _chain(learning_rate, weight_decay, max_grad_norm, rate_multipliers, *scalings) -> Optimizer:
    clipping = () if max_grad_norm is None else (optax.clip_by_global_norm(max_grad_norm),)
    rate_multipliers = dict(rate_multipliers or {})
    multiplying = (optax.stateless(lambda updates, params: jax.tree.map(
        jnp.multiply, updates, _multipliers(updates, rate_multipliers))),)
    return Optimizer(
        optax.chain(
            *clipping,
            *scalings,
            optax.add_decayed_weights(weight_decay, mask=decays),
            optax.scale_by_learning_rate(learning_rate),
            *(multiplying if rate_multipliers else ())),
        learning_rate, rate_multipliers)
