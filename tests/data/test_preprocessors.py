"""One example a code, in order, ending in EOS; a code is never cut."""

import pytest
import seqio
import tensorflow as tf

from gram_jax.codes.examples import CodeExample, write_code_examples
from gram_jax.core.errors import ArtifactError
from gram_jax.data import preprocessors
from gram_jax.data.preprocessors import code_pair_blocks, one_by_one
from gram_jax.data.seqio_vocabulary import FileVocabulary
from gram_jax.data.sources import code_rows
from gram_jax.testing.tiny_bert import TOKENS, tokenizer_json
from gram_jax.text.encoding import encode_inputs
from gram_jax.text.prompts import query_input
from gram_jax.text.vocabulary_files import load_vocabulary
from gram_jax.text.wordpiece import renumbered_wordpiece

EXAMPLES = [
    CodeExample("q1", "Red  SHOE", ("red | shoe", "shoe")),
    CodeExample("q2", "no code mined", ()),
    CodeExample("q3", "blue shoe ½ ☃", ("blue | shoe",)),
]


@pytest.fixture
def rows(tmp_path) -> tf.data.Dataset:
    write_code_examples(tmp_path / "examples.jsonl", EXAMPLES)
    return code_rows(tmp_path / "examples.jsonl", query_input)


@pytest.fixture
def preprocess(seqio_vocabulary):
    feature = seqio.Feature(seqio_vocabulary)
    features = {"inputs": feature, "targets": feature}
    return lambda rows, **options: one_by_one(code_pair_blocks(rows, features, **options))


def read(dataset):
    return [{key: value.tolist() if hasattr(value, "tolist") else value.decode()
             for key, value in example.items()} for example in dataset.as_numpy_iterator()]


@pytest.mark.parametrize("rows_per_block", [1, 2, 512])
def test_one_example_a_code_in_the_order_of_the_rows(
    rows, preprocess, vocabulary, rows_per_block, monkeypatch):
    monkeypatch.setattr(preprocessors, "_ROWS_PER_BLOCK", rows_per_block)
    found = read(preprocess(rows))
    expected = [(example.example_id, query_input(example.text), code)
                for example in EXAMPLES for code in example.codes]
    assert [(e["example_id"], e["inputs_pretokenized"], e["targets_pretokenized"])
            for e in found] == expected
    for example, (_, text, code) in zip(found, expected):
        assert example["inputs"] == [*vocabulary.encode([text])[0], vocabulary.eos_id]
        assert example["targets"] == [*vocabulary.encode([code])[0], vocabulary.eos_id]


@pytest.mark.parametrize("length", [2, 3, 5, 50])
def test_long_inputs_are_cut_and_keep_eos(rows, preprocess, vocabulary, length):
    whole = read(preprocess(rows))
    for cut, full in zip(read(preprocess(rows, sequence_length={"inputs": length})), whole):
        assert cut["inputs"] == [*full["inputs"][:-1][: length - 1], vocabulary.eos_id]
        assert cut["targets"] == full["targets"]


def test_a_code_that_does_not_fit_stops_the_run_and_is_named(rows, preprocess):
    longest = max(len(example["targets"]) for example in read(preprocess(rows)))
    assert len(read(preprocess(rows, sequence_length={"targets": longest}))) == 3
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"the 2 tokens.*red \| shoe"):
        read(preprocess(rows, sequence_length={"targets": 2}))


def test_a_file_without_codes_is_refused(tmp_path):
    write_code_examples(tmp_path / "none.jsonl", [CodeExample("q", "text", ())])
    with pytest.raises(ArtifactError, match=r"none\.jsonl has no codes"):
        code_rows(tmp_path / "none.jsonl", query_input)
    with pytest.raises(ArtifactError, match="is missing"):
        code_rows(tmp_path / "nowhere.jsonl", query_input)


@pytest.mark.parametrize("length", [2, 4, 50])
def test_inputs_are_those_of_the_search_side_whatever_a_text_starts_with(rows, tmp_path, length):
    pytest.importorskip("tokenizers", reason="needs the extra 'pretrained'")
    path = tmp_path / "vocabulary.model"
    path.write_bytes(renumbered_wordpiece(tokenizer_json(TOKENS), ["red"]))
    feature = seqio.Feature(FileVocabulary(lambda: path))
    found = read(one_by_one(code_pair_blocks(
        rows, {"inputs": feature, "targets": feature}, sequence_length={"inputs": length})))
    vocabulary = load_vocabulary(path)
    for example in found:
        (expected,) = encode_inputs(vocabulary, [example["inputs_pretokenized"]], length)
        assert example["inputs"] == expected[expected > 0].tolist()
        assert example["inputs"][0] == 2 not in example["targets"]
