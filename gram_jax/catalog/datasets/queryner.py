"""QueryNER: ESCI queries whose words people labelled, joined with the queries they belong to.

The published files hold no text: each line has an ESCI `example_id` and one BIO label for each
word of that example's query, words being what white space separates. Knows nothing of this
project's attribute types: the labels are the source's own.
"""

import dataclasses
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

from gram_jax.catalog.datasets.esci import ESCI, EXAMPLES_FILE
from gram_jax.catalog.datasets.official_files import OfficialDataset, OfficialFile
from gram_jax.catalog.datasets.parsed_rows import parsed_rows
from gram_jax.catalog.validation import BadRow, BadRows, id_field, text_field
from gram_jax.core.errors import ConfigError, InputError

PARTS = ("train", "dev", "test")
TYPES = ("UoM", "color", "condition", "content", "core_product_type", "creator", "department",
         "material", "modifier", "occasion", "origin", "price", "product_name", "product_number",
         "quantity", "shape", "time")
_AS_PUBLISHED = "Take both data sets as published."
LABELS = ("O", *(f"{prefix}-{name}" for name in TYPES for prefix in "BI"))

QUERYNER = OfficialDataset(
    title="QueryNER",
    homepage="https://github.com/bltlab/query-ner",
    licence="MIT (the repository with the labels); the queries are ESCI's, Apache-2.0",
    citation="""@inproceedings{palen-michel-etal-2024-queryner,
  title = {{QueryNER}: Segmentation of {E}-commerce Queries},
  author = {Palen-Michel, Chester and Liang, Lizzie and Wu, Zhe and Lignos, Constantine},
  booktitle = {Proceedings of LREC-COLING 2024}, year = {2024}
}""",
    how_to_get="Clone https://github.com/bltlab/query-ner and take the files of its folder "
               "offset-splits.",
    setting="QUERYNER",
    files=(
        OfficialFile("train.jsonl", "git:68006dc8ef8cb7eb66742d153869f8bbb58c891b", 768_349),
        OfficialFile("dev.jsonl", "git:95943196bf0726f234f4bb809f20715a04dffc09", 84_461),
        OfficialFile("test.jsonl", "git:72154f04ab64ca6de65ff2d56c3dc1227a1ff244", 97_255),
    ))


@dataclasses.dataclass(frozen=True, slots=True)
class LabelledQuery:
    """A query, its words, and for each word a BIO label."""

    query_id: str
    text: str
    words: tuple[str, ...]
    labels: tuple[str, ...]


def read_queryner(folder: str | Path, esci_folder: str | Path, part: str, *,
                  verify_checksums: bool = True) -> list[LabelledQuery]:
    """Joins one part's labels with ESCI's examples.

    Args:
      folder: where train.jsonl, dev.jsonl and test.jsonl lie.
      esci_folder: where ESCI's examples lie.
      part: 'train', 'dev' or 'test'.
      verify_checksums: whether the files must be the published ones.

    Returns:
      The queries, in the order of the labels.

    Raises:
      InputError: a file is missing, changed or damaged, or labels and words do not fit.
      ConfigError: the part is unknown.
    """
    if part not in PARTS:
        raise ConfigError(f"part is {part!r}; it must be one of {PARTS}")
    path, = QUERYNER.locate(folder, [f"{part}.jsonl"], verify_checksums=verify_checksums)
    examples, = ESCI.locate(esci_folder, [EXAMPLES_FILE], verify_checksums=verify_checksums)
    labels = dict(parsed_rows(path, _labels, BadRows("refuse"), kind="labels"))
    queries = _queries(examples, labels.keys())
    joined = []
    for example_id, found in labels.items():
        if example_id not in queries:
            raise InputError(f"ESCI has no example {example_id}", path=path, remedy=_AS_PUBLISHED)
        query_id, text = queries[example_id]
        words = tuple(text.split())
        if len(words) != len(found):
            raise InputError(f"example {example_id} has {len(found)} labels for the {len(words)} "
                             f"words of {text!r}", path=path, remedy=_AS_PUBLISHED)
        joined.append(LabelledQuery(query_id, text, words, found))
    return joined


def _labels(values: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    labels = values.get("labels")
    if not isinstance(labels, list) or not all(
            isinstance(label, str) and label in LABELS for label in labels):
        raise BadRow("wrong labels", f"labels is {labels!r}, not a list of BIO labels of the 17 "
                     "types", "Fetch the official file.")
    return id_field(values, "example_id"), tuple(labels)


def _queries(path: Path, example_ids: Set[str]) -> dict[str, tuple[str, str]]:
    """example_id -> (query_id, query), of the examples wanted."""
    def query(values: Mapping[str, Any]) -> tuple[str, tuple[str, str]] | None:
        example_id = id_field(values, "example_id")
        if example_id not in example_ids:
            return None
        return example_id, (id_field(values, "query_id"), text_field(values, "query"))

    ignored = dict.fromkeys(("product_id", "product_locale", "esci_label", "small_version",
                             "large_version", "split"))
    return dict(parsed_rows(path, query, BadRows("refuse"), kind="examples", columns=ignored,
                            required=("example_id", "query_id", "query")))
