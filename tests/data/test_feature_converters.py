"""A Batch holds exactly what SeqIO's own encoder-decoder converter makes of the same tokens."""

import numpy as np
import seqio
import tensorflow as tf

from gram_jax.data.feature_converters import to_batch

LENGTHS = {"inputs": 6, "targets": 4}


def random_rows(rng, count):
    """Token sequences of every length that fits, EOS included, with ids in any order."""
    return [{key: [*rng.integers(2, 50, rng.integers(0, length)).tolist(), 1]
             for key, length in LENGTHS.items()} for _ in range(count)]


def padded(rows, key):
    return np.array([row[key] + [0] * (LENGTHS[key] - len(row[key])) for row in rows], np.int32)


def test_same_as_seqio():
    rows = random_rows(np.random.default_rng(0), 100)
    dataset = tf.data.Dataset.from_generator(
        lambda: iter(rows),
        output_signature={key: tf.TensorSpec([None], tf.int32) for key in LENGTHS})
    converted = seqio.EncDecFeatureConverter(pack=False)(dataset, LENGTHS)
    expected = next(converted.batch(len(rows)).as_numpy_iterator())

    batch = to_batch(padded(rows, "inputs"), padded(rows, "targets"), tuple("x" * len(rows)))
    assert len(expected) == 4
    for name, array in expected.items():
        np.testing.assert_array_equal(getattr(batch, name), array, err_msg=name)
        assert getattr(batch, name).shape == array.shape
        weights = name == "decoder_loss_weights"
        assert getattr(batch, name).dtype == (np.float32 if weights else np.int32)
    assert batch.example_ids == tuple("x" * len(rows))
