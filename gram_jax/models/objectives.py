"""What training minimises: functions of parameters and a batch. Knows nothing of optimizers.

An objective returns sums, not means, so that batches cut into pieces add up exactly.
"""

import dataclasses
from collections.abc import Callable

import jax

from gram_jax.core.batch import Batch
from gram_jax.models.config import ModelConfig
from gram_jax.models.losses import cross_entropy_of_tokens
from gram_jax.models.params import Params, bind
from gram_jax.models.teacher_forcing import known_token_logits


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class ObjectiveValue:
    """Sums over a batch.

    Attributes:
      loss_sum: float32 [], to be minimised once divided by `weight_sum`.
      weight_sum: float32 [], weight of the tokens (or pairs) that count.
      metrics: name -> float32 [] sums, each a mean once divided by `weight_sum`.
    """

    loss_sum: jax.Array
    weight_sum: jax.Array
    metrics: dict[str, jax.Array]


Objective = Callable[[Params, Batch, jax.Array | None], ObjectiveValue]
"""(params, batch, dropout key or None for no dropout) -> sums."""


def code_generation_objective(
    config: ModelConfig, *, z_loss: float = 0.0, label_smoothing: float = 0.0
) -> Objective:
    """Minus the log-likelihood of codes given texts: L_q and L_t of the paper's joint training.

    Args:
      config: the model's sizes.
      z_loss: see `losses.cross_entropy_of_tokens`.
      label_smoothing: see `losses.cross_entropy_of_tokens`.

    Returns:
      An objective with metrics 'accuracy' (share of tokens ranked first) and 'z_loss'.
    """

    def objective(params: Params, batch: Batch, rng: jax.Array | None) -> ObjectiveValue:
        # Codes of one text are rows of the decoder, text by text.
        decoder_inputs, targets, weights = (
            array.reshape(-1, array.shape[-1])
            for array in (batch.decoder_input_tokens, batch.decoder_target_tokens,
                          batch.decoder_loss_weights)
        )
        model = bind(config, params)
        hidden = model.hidden(batch.encoder_input_tokens, decoder_inputs, dropout_rng=rng)
        sums = cross_entropy_of_tokens(
            known_token_logits(model, hidden, targets, with_total=label_smoothing > 0),
            weights,
            vocab_size=config.output_vocab_size,
            z_loss=z_loss,
            label_smoothing=label_smoothing,
        )
        return ObjectiveValue(
            loss_sum=sums.loss_sum,
            weight_sum=sums.weight_sum,
            metrics={"accuracy": sums.correct_sum, "z_loss": sums.z_sum},
        )

    return objective
