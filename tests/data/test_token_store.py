"""What a task's pipeline gives is kept whole, in order, and nothing is cut but sources."""

import numpy as np
import pytest
import seqio
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.core.errors import ConfigError
from gram_jax.data.preprocessors import code_pair_blocks, one_by_one
from gram_jax.data.token_store import RaggedTokens, read_task

token_rows = st.lists(st.lists(st.integers(1, 99), max_size=6), min_size=1, max_size=8)


def ragged(rows) -> RaggedTokens:
    return RaggedTokens.concatenate([np.array(row, np.int32) for row in rows],
                                    [np.array([len(row)]) for row in rows])


@given(token_rows, st.integers(1, 7), st.data())
def test_padded_rows_are_the_rows(rows, length, data):
    chosen = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=10))
    found = ragged(rows).padded(np.array(chosen, np.int64), length)
    assert found.shape == (len(chosen), length) and found.dtype == np.int32
    for row, index in zip(found, chosen):
        cut = rows[index][:length]
        assert row.tolist() == cut + [0] * (length - len(cut))


def task_of(examples, seqio_vocabulary) -> seqio.Task:
    """A task as a user may write one: tokens already, with or without ids."""
    spec = {key: tf.TensorSpec([], tf.string) if key == "example_id"
            else tf.TensorSpec([None], tf.int32) for key in examples[0]} if examples else {
                key: tf.TensorSpec([None], tf.int32) for key in ("inputs", "targets")}
    source = seqio.FunctionDataSource(
        lambda split, shuffle_files: tf.data.Dataset.from_generator(
            lambda: iter(examples), output_signature=spec), splits=["train"])
    feature = seqio.Feature(seqio_vocabulary)
    return seqio.Task("own_task", source, {"inputs": feature, "targets": feature})


LENGTHS = {"inputs": 3, "targets": 4}
EXAMPLES = [{"inputs": [5, 6, 7, 1], "targets": [8, 9, 1]}, {"inputs": [5, 1], "targets": [8, 1]}]


def test_examples_are_kept_in_order(seqio_vocabulary):
    store = read_task(task_of(EXAMPLES, seqio_vocabulary), "train", LENGTHS)
    assert len(store) == 2
    rows = np.arange(2)
    assert store.inputs.padded(rows, 3).tolist() == [[5, 6, 7], [5, 1, 0]]
    assert store.targets.padded(rows, 4).tolist() == [[8, 9, 1, 0], [8, 1, 0, 0]]
    assert store.example_ids.tolist() == ["own_task:0", "own_task:1"]


def test_ids_of_the_task_are_kept(seqio_vocabulary):
    named = [{**example, "example_id": name} for example, name in zip(EXAMPLES, ("é", "b"))]
    store = read_task(task_of(named, seqio_vocabulary), "train", LENGTHS)
    assert store.example_ids.tolist() == ["é", "b"]


def block_task(steps, seqio_vocabulary) -> seqio.Task:
    rows = {"example_id": tf.constant(["a", "b", "c"]),
            "inputs": tf.constant(["red shoe", "a very long text of a source", ""]),
            "codes": tf.ragged.constant([["red | shoe", "shoe"], [], ["sink"]])}
    source = seqio.FunctionDataSource(
        lambda split, shuffle_files: tf.data.Dataset.from_tensor_slices(rows), splits=["train"])
    feature = seqio.Feature(seqio_vocabulary)
    return seqio.Task("own_task", source, {"inputs": feature, "targets": feature}, steps)


def test_reading_blocks_is_reading_examples(seqio_vocabulary):
    lengths = {"inputs": 5, "targets": 12}
    in_blocks = block_task([code_pair_blocks, one_by_one], seqio_vocabulary)
    singly = block_task(
        [code_pair_blocks, one_by_one, lambda dataset: dataset], seqio_vocabulary)
    stores = [read_task(task, "train", lengths) for task in (in_blocks, singly)]
    assert stores[0].example_ids.tolist() == ["a", "a", "c"]
    assert stores[0].digest == stores[1].digest


def test_digest_tells_content_apart(seqio_vocabulary):
    digests = {read_task(task_of(examples, seqio_vocabulary), "train", LENGTHS).digest
               for examples in (EXAMPLES, EXAMPLES[::-1], EXAMPLES[:1], [*EXAMPLES])}
    assert len(digests) == 3


def test_a_target_that_does_not_fit_is_named(seqio_vocabulary, vocabulary):
    code = [*vocabulary.encode(["red shoe | leather"])[0], 1]
    examples = [*EXAMPLES, {"inputs": [5, 1], "targets": code}]
    with pytest.raises(ConfigError, match=rf"'red shoe \| leather' needs {len(code)} tokens.* 4:"):
        read_task(task_of(examples, seqio_vocabulary), "train", LENGTHS)


def test_a_task_without_examples_is_refused(seqio_vocabulary):
    with pytest.raises(ConfigError, match=r"'own_task' has no examples in split 'train'"):
        read_task(task_of([], seqio_vocabulary), "train", LENGTHS)
