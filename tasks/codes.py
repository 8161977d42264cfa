"""The two generators as tasks: a query's text to its codes, and a product's text to its codes.

Queries are those that were asked, and pseudo-queries, which nobody typed. Where semantic ids take
the place of codes, a third task is the way back, from a product's id to its title: LC-Rec's
alignment of ids with language.
"""

import functools
from collections.abc import Callable
from pathlib import Path

import seqio
import tensorflow as tf

from gram_jax.data.metrics import gold_code_share
from gram_jax.data.preprocessors import code_pair_blocks, one_by_one
from gram_jax.data.seqio_vocabulary import FileVocabulary
from gram_jax.data.sources import code_rows
from gram_jax.text.prompts import product_input, query_input
from tasks.settings import code_examples_folder, pseudo_queries_folder, vocabulary_file

VOCABULARY = FileVocabulary(vocabulary_file)
OUTPUT_FEATURES = {key: seqio.Feature(VOCABULARY) for key in ("inputs", "targets")}


def _read_rows(
    split: str, shuffle_files: bool, seed: int | None = None, *,
    folder: Callable[[], str], name: str, to_input: Callable[[str], str],
) -> tf.data.Dataset:
    del shuffle_files, seed  # One file a split; order is made where batches are.
    return code_rows(Path(folder()) / f"{name}.{split}.jsonl", to_input)


def _add_task(name: str, folder: Callable[[], str], file: str, to_input: Callable[[str], str],
              splits: list[str]) -> None:
    seqio.TaskRegistry.add(
        name,
        source=seqio.FunctionDataSource(
            functools.partial(_read_rows, folder=folder, name=file, to_input=to_input),
            splits=splits,
        ),
        preprocessors=[code_pair_blocks, one_by_one],
        output_features=OUTPUT_FEATURES,
        metric_fns=[gold_code_share],
    )


_add_task("gram_query_to_code", code_examples_folder, "query_codes", query_input,
          ["train", "tune"])
_add_task("gram_product_to_code", code_examples_folder, "product_codes", product_input, ["train"])
_add_task("semantic_id_to_title", code_examples_folder, "semantic_id_titles", product_input,
          ["train"])
_add_task("gram_pseudo_query_to_code", pseudo_queries_folder, "pseudo_query_codes", query_input,
          ["train"])
