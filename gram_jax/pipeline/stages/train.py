"""train: the two code generators as one model, on the SeqIO mixture of their tasks."""

from collections.abc import Callable, Mapping

import gin

from gram_jax.models.config import ModelConfig
from gram_jax.models.params import count_params, init_params
from gram_jax.pipeline.code_training import CodeTraining, train_generators
from gram_jax.pipeline.stage import StageContext
from gram_jax.pipeline.trained import save_trained
from gram_jax.text.vocabulary import SentencePieceVocabulary


@gin.configurable
def train(context: StageContext, *, model: Callable[..., ModelConfig] = gin.REQUIRED,
          training: CodeTraining = gin.REQUIRED) -> Mapping[str, object]:
    """Trains from the start or from the latest checkpoint, and writes the parameters.

    Args:
      context: where to read and write.
      model: makes a `ModelConfig` when given the vocabulary's size.
      training: how.

    Raises:
      TrainingError: the loss is not finite.
      Interrupted: a signal came; what was done is saved.
    """
    vocabulary_file = context.workdir.require("vocabulary") / "vocabulary.model"
    config = model(vocab_size=SentencePieceVocabulary.load(vocabulary_file).vocab_size)
    params, counts = train_generators(
        training, config, init_params(config, training.seed), folder=context.folder,
        examples_folder=context.workdir.require("codes"), vocabulary_file=vocabulary_file)
    save_trained(context.folder, config, params)
    return counts | {"parameters": count_params(params)}
