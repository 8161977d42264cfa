"""vocabulary: the file that spells queries, titles and codes."""

import itertools
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import gin

from gram_jax.codes.code_table import CodeTable
from gram_jax.codes.examples import read_code_examples
from gram_jax.core.errors import ConfigError, InputError
from gram_jax.pipeline.stage import StageContext
from gram_jax.text.vocabulary import train_vocabulary
from gram_jax.text.vocabulary_files import load_vocabulary


@gin.configurable
def build_vocabulary(context: StageContext, *, vocab_size: int = gin.REQUIRED,
                     model_file: str | None = None,
                     pretrained: Callable[[Iterable[str]], bytes] | None = None,
                     generate_texts: bool = False) -> Mapping[str, object]:
    """Trains a vocabulary on the catalogue, or takes the one that is given.

    Args:
      context: where to read and write.
      vocab_size: pieces to train; a small catalogue may give fewer.
      model_file: a SentencePiece model to use instead, for example T5's.
      pretrained: what makes the vocabulary of a pretrained encoder instead, renumbered so that the
        texts it is given take the first ids, for example `@bert_vocabulary`.
      generate_texts: whether a pretrained vocabulary's first ids, to which the decoder is held,
        spell queries and titles besides codes; codes alone make the fewest logits.

    Raises:
      ConfigError: both `model_file` and `pretrained` are given.
      InputError: there is no such file.
    """
    codes, target = context.workdir.require("codes"), context.folder / "vocabulary.model"
    if pretrained is not None:
        if model_file is not None:
            raise ConfigError("bind one of build_vocabulary.model_file and .pretrained to None")
        texts = (code.text for code in CodeTable.load(codes / "table").codes)
        target.write_bytes(pretrained(
            itertools.chain(texts, _texts(codes)) if generate_texts else texts))
    elif model_file is None:
        train_vocabulary(_texts(codes), vocab_size=vocab_size, path=target)
    elif not Path(model_file).is_file():
        raise InputError("there is no such vocabulary file", path=model_file,
                         remedy="bind build_vocabulary.model_file to a SentencePiece .model file")
    else:
        shutil.copyfile(model_file, target)
    vocabulary = load_vocabulary(target)
    return {"vocab_size": vocabulary.vocab_size, "output_vocab_size": vocabulary.output_vocab_size,
            "given": model_file is not None or pretrained is not None}


def _texts(codes_folder: Path) -> Iterator[str]:
    """What the model reads and writes: train queries, titles and their codes."""
    for name in ("query_codes.train.jsonl", "product_codes.train.jsonl"):
        for example in read_code_examples(codes_folder / name):
            yield example.text
            yield from example.codes
