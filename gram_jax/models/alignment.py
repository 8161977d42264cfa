"""Co-alignment: both generators learn to prefer the codes on which a query and its product meet.

Section 3 of the method, after direct preference optimisation (Rafailov et al., arXiv 2305.18290).
The equations are functions of log-probabilities and know no model; the objective computes these
with one. Knows nothing of how winners and losers were chosen.

Axes: `sides` are the query and the product, in this order; `codes` are a preference's winner, the
pair's other right codes ('positives') and its losers, in this order.
"""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp

from gram_jax.core.batch import PreferenceBatch
from gram_jax.core.errors import ConfigError
from gram_jax.models.config import ModelConfig
from gram_jax.models.objectives import Objective, ObjectiveValue
from gram_jax.models.params import Params, bind
from gram_jax.models.teacher_forcing import code_token_log_probs

_QUERY, _PRODUCT = 0, 1
_NONE = -1e9
"""The reward of a loser that is not there. Finite, so that its gradient is 0 and not undefined."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class AlignmentSettings:
    """What co-alignment minimises; hashable, so that it can be static under jit.

    Attributes:
      beta_w: how much the winner's log-ratio to the reference counts.
      beta_l: how much a loser's does.
      average: how the two sides become one: 'probabilities' averages pi(c|q) and pi(c|t), as the
        paper does; the side that already believes in a code then gets nearly all of its gradient.
        'log_ratios' averages log[pi/pi_SFT] of the sides, so that each gets half.
      detach_shared_prefix: tokens that winner and loser begin with alike get no gradient from
        their preference, which could only punish or praise both.
      multi_label_weight: of `multi_label_losses`, 0 for none.
      sft_weight: of minus the log-likelihood of mined codes, 0 for none.

    Raises:
      ConfigError: a value makes no sense.
    """

    beta_w: float = 0.1
    beta_l: float = 0.1
    average: str = "probabilities"
    detach_shared_prefix: bool = True
    multi_label_weight: float = 0.0
    sft_weight: float = 0.0

    def __post_init__(self):
        for name in ("beta_w", "beta_l"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"AlignmentSettings.{name} must be above 0, not "
                                  f"{getattr(self, name)}")
        for name in ("multi_label_weight", "sft_weight"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"AlignmentSettings.{name} must not be negative, but is "
                                  f"{getattr(self, name)}")
        if self.average not in _LOG_RATIOS:
            raise ConfigError(f"AlignmentSettings.average must be one of {tuple(_LOG_RATIOS)}, "
                              f"not {self.average!r}")


def _ratio_of_averages(log_probs: jax.Array, reference: jax.Array) -> jax.Array:
    """[pairs, sides, n] twice -> [pairs, n]; log 2 stands in both averages and cancels."""
    return jnp.logaddexp(log_probs[:, _QUERY], log_probs[:, _PRODUCT]) \
        - jnp.logaddexp(reference[:, _QUERY], reference[:, _PRODUCT])


def _average_of_ratios(log_probs: jax.Array, reference: jax.Array) -> jax.Array:
    """[pairs, sides, n] twice -> [pairs, n]."""
    return jnp.mean(log_probs - reference, axis=1)


_LOG_RATIOS = {"probabilities": _ratio_of_averages, "log_ratios": _average_of_ratios}


def shared_prefix(winner_tokens: jax.Array, loser_tokens: jax.Array) -> jax.Array:
    """Which tokens of a loser stand in the prefix that it shares with its winner.

    Args:
      winner_tokens: int32 [pairs, length].
      loser_tokens: int32 [pairs, losers, length].

    Returns:
      bool [pairs, losers, length].
    """
    same = winner_tokens[:, None] == loser_tokens
    return jnp.cumprod(same, axis=-1, dtype=jnp.int32) > 0


class PreferenceLosses(NamedTuple):
    """What each preference of a winner over one of its losers amounts to.

    `loss` and `margin` are float32 [pairs, losers]; `side_shares` float32 [pairs, sides, losers]
    is the part of the gradient that each side gets, which adds up to 1.
    """

    loss: jax.Array
    margin: jax.Array
    side_shares: jax.Array


def preference_losses(
    winner: jax.Array,
    losers: jax.Array,
    reference_winner: jax.Array,
    reference_losers: jax.Array,
    shared: jax.Array,
    settings: AlignmentSettings,
) -> PreferenceLosses:
    """L_CA of the paper, one term a preference.

        pi(c | q,t) = (pi(c|q) + pi(c|t)) / 2
        L_CA = -log sigmoid( beta_w * log[pi(c_w|q,t)/pi_SFT(c_w|q,t)]
                             - beta_l * log[pi(c_l|q,t)/pi_SFT(c_l|q,t)] )

    Args:
      winner: float32 [pairs, sides, length], log-probabilities of the winner's tokens.
      losers: float32 [pairs, sides, losers, length].
      reference_winner: the same under the model before alignment.
      reference_losers: likewise.
      shared: bool [pairs, losers, length], from `shared_prefix`.
      settings: betas, average, and whether the shared prefix is detached.
    """
    winner = jnp.broadcast_to(winner[:, :, None], losers.shape)
    if settings.detach_shared_prefix:
        winner, losers = (jnp.where(shared[:, None], jax.lax.stop_gradient(tokens), tokens)
                          for tokens in (winner, losers))
    reference_winner = jnp.broadcast_to(reference_winner.sum(-1)[:, :, None], losers.shape[:3])
    of_winner = winner.sum(-1), reference_winner
    of_losers = losers.sum(-1), reference_losers.sum(-1)
    log_ratio = _LOG_RATIOS[settings.average]
    margin = settings.beta_w * log_ratio(*of_winner) - settings.beta_l * log_ratio(*of_losers)
    shares = settings.beta_w * _side_shares(*of_winner, settings.average) \
        + settings.beta_l * _side_shares(*of_losers, settings.average)
    return PreferenceLosses(-jax.nn.log_sigmoid(margin), margin,
                            shares / (settings.beta_w + settings.beta_l))


def _side_shares(log_probs: jax.Array, reference: jax.Array, average: str) -> jax.Array:
    """d log-ratio / d log pi(c|side): float32 [pairs, sides, n]."""
    def total(log_probs: jax.Array) -> jax.Array:
        return _LOG_RATIOS[average](log_probs, reference).sum()

    return jax.grad(total)(jax.lax.stop_gradient(log_probs))


def multi_label_losses(
    right: jax.Array,
    losers: jax.Array,
    reference_right: jax.Array,
    reference_losers: jax.Array,
    is_right: jax.Array,
    is_loser: jax.Array,
    settings: AlignmentSettings,
) -> jax.Array:
    """Every right code against all losers at once, and never against another right code.

    A preference lifts its winner at the expense of whatever else is probable, the pair's other
    right codes included. Here each of them is a label of its own (after the multi-label objective
    of RAD-DPO, arXiv 2602.23964):

        L_ML = - mean over right c of log( e^r(c) / (e^r(c) + sum over losers l of e^r(l)) )

    with the rewards r = beta * log[pi(c|q,t)/pi_SFT(c|q,t)] of `preference_losses`, which it equals
    for one right code and one loser.

    Args:
      right: float32 [pairs, sides, right], log-probabilities of the winner and the positives.
      losers: float32 [pairs, sides, losers].
      reference_right: the same under the model before alignment.
      reference_losers: likewise.
      is_right: bool [pairs, right], False where there is no code; one a pair at least.
      is_loser: bool [pairs, losers].
      settings: betas and average.

    Returns:
      float32 [pairs].
    """
    log_ratio = _LOG_RATIOS[settings.average]
    reward = settings.beta_w * log_ratio(right, reference_right)
    against = jnp.where(is_loser, settings.beta_l * log_ratio(losers, reference_losers), _NONE)
    losses = -jax.nn.log_sigmoid(reward - jax.nn.logsumexp(against, axis=-1, keepdims=True))
    return jnp.sum(losses * is_right, axis=-1) / jnp.sum(is_right, axis=-1)


def co_alignment_objective(config: ModelConfig, settings: AlignmentSettings) -> Objective:
    """L_CA with its optional terms, averaged over preferences by their weights.

    The multi-label and the SFT term of a winner weigh as much as its preferences do together. The
    SFT term is L_q + L_t of the joint training: minus the log-likelihood of a mined code of the
    query and of one of the product. The model runs without dropout, as the reference did.

    Args:
      config: the model's sizes.
      settings: what is minimised.

    Returns:
      An objective on `PreferenceBatch`es. Metrics, as means over preferences: 'preference_loss',
      'multi_label_loss' and 'sft_loss' before their weights; 'margin', the argument of the
      sigmoid; 'accuracy', how often pi(c_w|q,t) > pi(c_l|q,t); 'query_log_prob' and
      'product_log_prob', log pi(c_w|side); 'query_lead' and 'product_lead', by how much that is
      above log pi(c_l|side); 'query_gradient_share', the query side's part of the gradient, the
      rest being the product side's.
    """

    def objective(
        params: Params, batch: PreferenceBatch, rng: jax.Array | None
    ) -> ObjectiveValue:
        del rng  # no dropout: the ratio to the reference would compare two other models
        model = bind(config, params)
        codes = jnp.concatenate(
            [batch.winner_tokens[:, None], batch.positive_tokens, batch.loser_tokens], axis=1)
        of_query, of_product = (
            code_token_log_probs(model, texts, jnp.concatenate([codes, taught], axis=1))
            for texts, taught in ((batch.query_tokens, batch.query_code_tokens),
                                  (batch.product_tokens, batch.product_code_tokens)))
        num_codes = codes.shape[1]
        log_probs = jnp.stack([of_query[:, :num_codes], of_product[:, :num_codes]], axis=1)
        sft = -(of_query[:, num_codes:].sum((1, 2)) + of_product[:, num_codes:].sum((1, 2)))
        return _weighted_sums(log_probs, sft, batch, settings)

    return objective


def _weighted_sums(log_probs: jax.Array, sft: jax.Array, batch: PreferenceBatch,
                   settings: AlignmentSettings) -> ObjectiveValue:
    """The sums of an objective.

    Args:
      log_probs: float32 [pairs, sides, codes, length].
      sft: float32 [pairs], minus the log-likelihood of the pair's mined codes.
      batch: what they were computed of.
      settings: what is minimised.
    """
    reference, first_loser = batch.reference_log_probs, 1 + batch.positive_tokens.shape[1]
    compared = preference_losses(
        log_probs[:, :, 0], log_probs[:, :, first_loser:],
        reference[:, :, 0], reference[:, :, first_loser:],
        shared_prefix(batch.winner_tokens, batch.loser_tokens), settings)
    by_code, reference = log_probs.sum(-1), reference.sum(-1)  # [pairs, sides, codes]
    is_positive = batch.positive_tokens[..., 0] > 0
    multi_label = multi_label_losses(
        by_code[:, :, :first_loser], by_code[:, :, first_loser:],
        reference[:, :, :first_loser], reference[:, :, first_loser:],
        jnp.pad(is_positive, ((0, 0), (1, 0)), constant_values=True),
        batch.loser_tokens[..., 0] > 0, settings)

    weights, of_winner = batch.weights, batch.weights.sum(1)
    winner, losers = by_code[:, :, 0], by_code[:, :, first_loser:]
    averaged = jnp.logaddexp(by_code[:, _QUERY], by_code[:, _PRODUCT])
    is_above = averaged[:, :1] > averaged[:, first_loser:]
    leads = winner[:, :, None] - losers
    metrics = {
        "preference_loss": jnp.sum(weights * compared.loss),
        "multi_label_loss": jnp.sum(of_winner * multi_label),
        "sft_loss": jnp.sum(of_winner * sft),
        "margin": jnp.sum(weights * compared.margin),
        "accuracy": jnp.sum(weights * is_above),
        "query_log_prob": jnp.sum(of_winner * winner[:, _QUERY]),
        "product_log_prob": jnp.sum(of_winner * winner[:, _PRODUCT]),
        "query_lead": jnp.sum(weights * leads[:, _QUERY]),
        "product_lead": jnp.sum(weights * leads[:, _PRODUCT]),
        "query_gradient_share": jnp.sum(weights * compared.side_shares[:, _QUERY]),
    }
    loss_sum = metrics["preference_loss"] \
        + settings.multi_label_weight * metrics["multi_label_loss"] \
        + settings.sft_weight * metrics["sft_loss"]
    return ObjectiveValue(loss_sum, jnp.sum(weights), metrics)
