"""SeqIO preprocessors: from rows of (text, codes) to one tokenised example a code.

They work on blocks of rows, because a TensorFlow op on one short text costs more than its work.
A task ends with `one_by_one`, which makes single examples of the blocks as SeqIO wants them; who
reads a whole task at once may leave that step out.
"""

from collections.abc import Mapping, Sequence

import seqio
import tensorflow as tf

from gram_jax.data.seqio_vocabulary import FileVocabulary

_ROWS_PER_BLOCK = 512


def code_pair_blocks(
    dataset: tf.data.Dataset,
    output_features: Mapping[str, seqio.Feature],
    sequence_length: Mapping[str, int] | None = None,
) -> tf.data.Dataset:
    """Blocks of tokenised examples, one for each (text, code) pair, in the order of the rows.

    Args:
      dataset: rows as `data.sources.code_rows` gives them.
      output_features: their vocabularies, `FileVocabulary`, of 'inputs' and 'targets'.
      sequence_length: lengths with EOS. Inputs are cut to theirs and keep EOS. Where a length of
        targets is given, a code that needs more stops the run and is named: half a code is
        another code.

    Returns:
      Blocks of 'inputs' and 'targets', ragged int32 [examples, length] ending in EOS, the inputs
      behind their vocabulary's `start_ids`, with their texts as '*_pretokenized', and
      'example_id', string [examples].
    """
    lengths = sequence_length or {}

    def tokenized_pairs(rows: Mapping[str, tf.Tensor]) -> Mapping[str, tf.Tensor]:
        row_of_code, codes = rows["codes"].value_rowids(), rows["codes"].flat_values
        source = output_features["inputs"].vocabulary
        inputs = _tokenize(rows["inputs"], source, source.start_ids, lengths.get("inputs"))
        targets = _tokenize(codes, output_features["targets"].vocabulary, (), None)
        with tf.control_dependencies(_fits(codes, targets, lengths.get("targets"))):
            targets = tf.identity(targets)
        return {
            "example_id": tf.gather(rows["example_id"], row_of_code),
            "inputs": tf.gather(inputs, row_of_code),
            "inputs_pretokenized": tf.gather(rows["inputs"], row_of_code),
            "targets": targets,
            "targets_pretokenized": codes,
        }

    return dataset.ragged_batch(_ROWS_PER_BLOCK).map(tokenized_pairs, num_parallel_calls=2)


def one_by_one(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """The single examples of blocks."""
    return dataset.unbatch()


def _tokenize(texts: tf.Tensor, vocabulary: FileVocabulary, start_ids: Sequence[int],
              max_length: int | None) -> tf.RaggedTensor:
    tokens = vocabulary.encode_tf(texts)
    if max_length is not None:
        tokens = tokens[:, : max_length - 1 - len(start_ids)]
    start = tf.tile(tf.constant([start_ids], tf.int32, [1, len(start_ids)]), [tf.size(texts), 1])
    eos = tf.fill([tf.size(texts), 1], vocabulary.eos_id)
    return tf.concat([start, tokens, eos], axis=1)


def _fits(codes: tf.Tensor, tokens: tf.RaggedTensor, max_length: int | None) -> list[tf.Operation]:
    if max_length is None:
        return []
    lengths = tokens.row_lengths()
    too_long = tf.boolean_mask(codes, lengths > max_length)
    message = f"these codes need more than the {max_length} tokens of targets:"
    return [tf.debugging.Assert(tf.equal(tf.size(too_long), 0), [message, too_long])]
