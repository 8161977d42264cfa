"""train: the two code generators as one model, on the SeqIO mixture of their tasks."""

from collections.abc import Callable, Mapping

import gin
import numpy as np

from gram_jax.models.config import ModelConfig
from gram_jax.models.params import count_params, init_params, replace_params
from gram_jax.pipeline.code_training import CodeTraining, TrainingInputs, train_generators
from gram_jax.pipeline.stage import StageContext
from gram_jax.pipeline.trained import save_trained
from gram_jax.text.vocabulary_files import StoredVocabulary, load_vocabulary

InitialParams = Callable[[ModelConfig, StoredVocabulary], Mapping[str, np.ndarray]]
"""(config, vocabulary) -> pretrained arrays by the paths of the params that they are."""


@gin.configurable
def train(context: StageContext, *, model: Callable[..., ModelConfig] = gin.REQUIRED,
          training: CodeTraining = gin.REQUIRED,
          initial_params: InitialParams | None = None) -> Mapping[str, object]:
    """Trains from the start or from the latest checkpoint, and writes the parameters.

    Args:
      context: where to read and write.
      model: makes a `ModelConfig` when given the vocabulary's sizes.
      training: how.
      initial_params: what some of the parameters start from, for example `@bert_encoder`, or
        `@huggingface_t5`, which gives all; others are drawn.

    Raises:
      ConfigError: a target has tokens that the model has no logits for.
      TrainingError: the loss is not finite.
      Interrupted: a signal came; what was done is saved.
    """
    vocabulary = load_vocabulary(context.inputs["vocabulary"] / "vocabulary.model")
    config = model(vocab_size=vocabulary.vocab_size,
                   output_vocab_size=vocabulary.output_vocab_size)
    params = init_params(config, training.seed)
    if initial_params is not None:
        params = replace_params(params, initial_params(config, vocabulary))
    params, counts = train_generators(
        training, config, params, folder=context.folder, profiled=context.profiled,
        inputs=TrainingInputs.of_stages(context.inputs, context.inputs["codes"]))
    save_trained(context.folder, config, params)
    return counts | {"parameters": count_params(params)}
