"""A published model of T5's family, small enough for a test and without knowledge.

Its table has rows behind the vocabulary, as published ones have. Needs the extra 'pretrained'.
"""

from pathlib import Path

from gram_jax.interop.huggingface_t5 import write_huggingface_t5
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import init_params
from gram_jax.testing.tiny_model import tiny_config
from gram_jax.text.vocabulary import SentencePieceVocabulary, train_vocabulary

SPARE_ROWS = 12
_TEXTS = ("red running shoes for women", "stainless steel kitchen sink", "blue cotton t-shirt",
          "wireless headphones with microphone", "nike | running shoe | air max")


def write_tiny_t5(folder: Path, *, seed: int = 0, **changes) -> ModelConfig:
    """Writes config.json, model.safetensors and spiece.model; returns the model's config.

    Args:
      folder: made where it is missing.
      seed: of the parameters.
      **changes: fields of the config.
    """
    path = folder.parent / f"{folder.name}.vocabulary"
    path.parent.mkdir(parents=True, exist_ok=True)
    train_vocabulary(_TEXTS, vocab_size=320, path=path)
    vocabulary = SentencePieceVocabulary.load(path)
    config = tiny_config(vocabulary.vocab_size + SPARE_ROWS, **changes)
    write_huggingface_t5(folder, init_params(config, seed), config, vocabulary)
    return config
