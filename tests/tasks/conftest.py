"""A codes folder and a vocabulary as a workdir has them, bound for the tasks that ship."""

import gin
import pytest

from gram_jax.codes.examples import CodeExample, write_code_examples
from gram_jax.text.vocabulary import SentencePieceVocabulary, train_vocabulary

QUERIES = {
    "train": [CodeExample("q1", "RED running shoes", ("red | shoe", "shoe")),
              CodeExample("q2", "kitchen  sink", ("sink",)),
              CodeExample("q3", "½ in. pipe", ("1/2 in | pipe", "pipe"))],
    "tune": [CodeExample("q4", "blue shoe", ("blue | shoe", "shoe"))],
}
PRODUCTS = [CodeExample("p1", "Stainless-steel kitchen sink, double", ("sink", "steel | sink")),
            CodeExample("p2", "Nike Air red runner", ("nike | red | shoe", "red | shoe", "shoe"))]


@pytest.fixture
def workdir(tmp_path):
    for split, examples in QUERIES.items():
        write_code_examples(tmp_path / f"query_codes.{split}.jsonl", examples)
    write_code_examples(tmp_path / "product_codes.train.jsonl", PRODUCTS)
    everything = [*QUERIES["train"], *PRODUCTS]
    texts = [text for e in everything for text in (e.text, *e.codes)] * 3
    train_vocabulary(texts, vocab_size=400, path=tmp_path / "vocabulary.model")
    with gin.unlock_config():
        gin.clear_config()
        gin.bind_parameter("code_examples_folder.path", str(tmp_path))
        gin.bind_parameter("vocabulary_file.path", str(tmp_path / "vocabulary.model"))
        yield tmp_path
        gin.clear_config()


@pytest.fixture
def pairs(workdir):
    """file -> its (id, text, code) triples, in order."""
    files = {f"query_codes.{split}": examples for split, examples in QUERIES.items()}
    files["product_codes.train"] = PRODUCTS
    return {file: [(e.example_id, e.text, code) for e in examples for code in e.codes]
            for file, examples in files.items()}


@pytest.fixture
def vocabulary(workdir) -> SentencePieceVocabulary:
    return SentencePieceVocabulary.load(workdir / "vocabulary.model")
