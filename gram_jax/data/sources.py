"""Code examples as rows of a tf.data.Dataset: where normal form and prompt are put on.

Both happen here, in Python, because the TensorFlow graph behind it can only tokenise.
"""

import os
from collections.abc import Callable

import tensorflow as tf

from gram_jax.codes.examples import read_code_examples
from gram_jax.core.errors import ArtifactError
from gram_jax.text.normal_form import normalize_text


def code_rows(path: str | os.PathLike, to_input: Callable[[str], str]) -> tf.data.Dataset:
    """The examples of a file, in its order.

    Args:
      path: what `codes.examples.write_code_examples` wrote.
      to_input: makes the source text, prompt included, in its normal form
        (`text.prompts.query_input` or `product_input`).

    Returns:
      Rows of 'example_id' and 'inputs', string [], and 'codes', ragged string [num_codes].

    Raises:
      ArtifactError: the file is missing, damaged, or has no example.
    """
    ids, inputs, codes, num_codes = [], [], [], []
    for example in read_code_examples(path):
        ids.append(example.example_id)
        inputs.append(to_input(example.text))
        codes.extend(map(normalize_text, example.codes))
        num_codes.append(len(example.codes))
    if not codes:
        raise ArtifactError(f"{path} has no codes: look at the report of the codes stage")
    return tf.data.Dataset.from_tensor_slices({
        "example_id": tf.constant(ids),
        "inputs": tf.constant(inputs),
        "codes": tf.RaggedTensor.from_row_lengths(codes, num_codes),
    })
