"""A model for a vocabulary that was given further ids behind those it had.

Knows parameters and sizes; nothing of what the ids spell.
"""

import dataclasses

import jax
import numpy as np

from gram_jax.core.errors import ConfigError
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params, init_params


def grow_vocabulary(config: ModelConfig, params: Params, *, vocab_size: int,
                    seed: int) -> tuple[ModelConfig, Params]:
    """The model with rows for more ids; what it says of the old ones differs by normalising only.

    Args:
      config: of a model whose texts and codes are spelled in the same ids.
      params: its parameters.
      vocab_size: ids that there are to be rows for; a model with as many or more stays as it is,
        since checkpoints have spare rows.
      seed: of what the new rows are drawn from, as `init_params` draws them.

    Raises:
      ConfigError: the ids of texts and of codes are counted apart, so that new ids have no one
        place.
    """
    if config.encoder is not None or config.output_vocab_size != config.vocab_size:
        raise ConfigError("the decoder of this model has ids of its own: make the vocabulary with "
                          "the further words before the model is trained")
    if vocab_size <= config.vocab_size:
        return config, params
    grown = dataclasses.replace(config, vocab_size=vocab_size, output_vocab_size=vocab_size)
    return grown, jax.tree.map(_overlaid, init_params(grown, seed), params)


def _overlaid(fresh: jax.Array, old: jax.Array) -> jax.Array:
    """The old array with the rows or columns that it lacks taken from the fresh one."""
    if fresh.shape == old.shape:
        return old
    whole = np.array(fresh)
    whole[tuple(slice(size) for size in old.shape)] = old
    return jax.device_put(whole)
