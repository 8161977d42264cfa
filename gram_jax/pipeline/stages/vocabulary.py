"""vocabulary: the SentencePiece model that spells queries, titles and codes."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import gin

from gram_jax.codes.examples import read_code_examples
from gram_jax.core.errors import InputError
from gram_jax.pipeline.stage import StageContext
from gram_jax.text.vocabulary import SentencePieceVocabulary, train_vocabulary


@gin.configurable
def build_vocabulary(context: StageContext, *, vocab_size: int = gin.REQUIRED,
                     model_file: str | None = None) -> Mapping[str, object]:
    """Trains a vocabulary on the catalogue, or takes the one that is given.

    Args:
      context: where to read and write.
      vocab_size: pieces to train; a small catalogue may give fewer.
      model_file: a SentencePiece model to use instead, for example T5's.
    """
    target = context.folder / "vocabulary.model"
    if model_file is None:
        train_vocabulary(_texts(context.workdir.require("codes")), vocab_size=vocab_size,
                         path=target)
    elif not Path(model_file).is_file():
        raise InputError("there is no such vocabulary file", path=model_file,
                         remedy="bind build_vocabulary.model_file to a SentencePiece .model file")
    else:
        shutil.copyfile(model_file, target)
    vocabulary = SentencePieceVocabulary.load(target)
    return {"vocab_size": vocabulary.vocab_size, "given": model_file is not None}


def _texts(codes_folder: Path) -> Iterator[str]:
    """What the model reads and writes: train queries, titles and their codes."""
    for name in ("query_codes.train.jsonl", "product_codes.train.jsonl"):
        for example in read_code_examples(codes_folder / name):
            yield example.text
            yield from example.codes
