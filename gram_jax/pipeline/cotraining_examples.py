"""The files of training examples that a round of co-training starts from and leaves.

Knows where examples lie and what a shop's clicks link; what is proposed and kept is `alignment`'s.
"""

import dataclasses
import functools
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from gram_jax.alignment.code_fit import (
    Witnesses,
    floors_by_name,
    product_code_fits,
    query_code_fits,
)
from gram_jax.alignment.cotraining import CotrainingSettings, SideJudge, augment, mined_floors
from gram_jax.catalog.shop import Shop
from gram_jax.codes.code_table import CodeTable
from gram_jax.codes.coded_texts import CodedTexts
from gram_jax.codes.examples import product_text, read_code_examples, write_code_examples
from gram_jax.codes.generated_codes import GeneratedCodes
from gram_jax.core.atomic import atomic_directory
from gram_jax.core.clicks import ClickTable
from gram_jax.core.kept_arrays import kept_arrays
from gram_jax.core.protocols import RelevanceModel
from gram_jax.pipeline.stage import Progress

_QUERIES, _PRODUCTS, _TUNE = (
    "query_codes.train.jsonl", "product_codes.train.jsonl", "query_codes.tune.jsonl")
_COUNTS = "counts.json"


@dataclasses.dataclass(frozen=True, eq=False)
class LinkedTexts:
    """The queries that clicks link to products, and the whole catalogue.

    Args:
      clicks: a row for each query, in the order of the texts; products are places in the
        catalogue.
      query_texts: as typed.
      product_ids: of the catalogue.
      product_texts: as the product-code generator reads them.
    """

    clicks: ClickTable
    query_texts: tuple[str, ...]
    product_ids: tuple[str, ...]
    product_texts: tuple[str, ...]

    @classmethod
    def of_shop(cls, shop: Shop) -> "LinkedTexts":
        """The train queries that have a click."""
        clicks = shop.click_table("train")
        clicks = clicks.chosen(np.flatnonzero(np.diff(clicks.starts)))
        text_of = {query.query_id: query.text for query in shop.queries}
        return cls(clicks, tuple(text_of[query_id] for query_id in clicks.query_ids),
                   shop.product_ids, tuple(map(product_text, shop.products)))


@dataclasses.dataclass(frozen=True, eq=False)
class Judges:
    """Who decides on codes of queries, and who on codes of products."""

    queries: SideJudge
    products: SideJudge

    @classmethod
    def of_mined(cls, mined_folder: Path, code_table: CodeTable, linked: LinkedTexts,
                 relevance: RelevanceModel, settings: CotrainingSettings, progress: Progress, *,
                 kept_in: Path) -> "Judges":
        """Judges who ask of a new code what relevance says of most mined ones.

        Args:
          mined_folder: the examples with mined codes.
          code_table: their codes.
          linked: has the products' texts.
          relevance: of a product's text to a query's.
          settings: how much is looked at.
          progress: shown over blocks of scored texts.
          kept_in: a file for the floors, so that they are found once.
        """
        queries, products = _read(mined_folder, code_table)
        draw = {"count": settings.num_witnesses, "seed": settings.seed}
        fits = {
            "queries": functools.partial(
                query_code_fits, relevance,
                Witnesses.products_under(code_table, linked.product_texts, **draw),
                progress=progress),
            "products": functools.partial(
                product_code_fits, relevance, Witnesses.queries_of(queries, **draw),
                progress=progress)}
        floors = kept_arrays(kept_in, code_table.digest, lambda: {
            name: mined_floors(fits[name], texts, settings)
            for name, texts in (("queries", queries), ("products", products))})
        return cls(**{name: SideJudge(fits[name], floors[name]) for name in fits})

    def floors(self) -> Mapping[str, Mapping[str, float]]:
        """What each asks, for people and JSON."""
        return {"queries": floors_by_name(self.queries.floors),
                "products": floors_by_name(self.products.floors)}


def write_augmented(target: Path, before: Path, code_table: CodeTable, linked: LinkedTexts,
                    generated_queries: GeneratedCodes, generated_products: GeneratedCodes,
                    judges: Judges, settings: CotrainingSettings) -> None:
    """Writes examples with what was proposed and kept, as one folder, whole or not at all.

    Args:
      target: the folder to write; `read_counts` says what became of the proposals.
      before: the folder of the examples that there are.
      code_table: their codes.
      linked: what clicks link.
      generated_queries: codes of the linked queries.
      generated_products: codes of the catalogue.
      judges: who decide.
      settings: how much is proposed.
    """
    queries, products = _read(before, code_table)
    queries = queries.with_rows(linked.clicks.query_ids, linked.query_texts)
    products = products.with_rows(linked.product_ids, linked.product_texts)
    pairs = {"queries": len(queries.codes), "products": len(products.codes)}
    found = augment(queries, products, _by_rows(linked, queries, products), generated_queries,
                    generated_products, judges.queries, judges.products, settings)
    with atomic_directory(target) as fresh:
        for side, name in zip(found, (_QUERIES, _PRODUCTS)):
            write_code_examples(fresh / name, side.texts.examples())
        shutil.copyfile(before / _TUNE, fresh / _TUNE)
        counts = {name: {"pairs_before": pairs[name], **side.counts()}
                  for name, side in zip(pairs, found)}
        (fresh / _COUNTS).write_text(json.dumps(counts, indent=2), encoding="utf-8")


def read_counts(folder: Path) -> Mapping[str, Mapping[str, object]]:
    """What became of the proposals of 'queries' and of 'products'."""
    return json.loads((folder / _COUNTS).read_text(encoding="utf-8"))


def _read(folder: Path, code_table: CodeTable) -> tuple[CodedTexts, CodedTexts]:
    """Queries and products with the codes of their examples."""
    return tuple(CodedTexts.of_examples(read_code_examples(folder / name), code_table)
                 for name in (_QUERIES, _PRODUCTS))


def _by_rows(linked: LinkedTexts, queries: CodedTexts, products: CodedTexts) -> ClickTable:
    """The clicks between the rows of these texts."""
    query_row, product_row = ({key: row for row, key in enumerate(texts.ids)}
                              for texts in (queries, products))
    clicks = linked.clicks
    of_query = np.array([query_row[key] for key in clicks.query_ids], np.int64)
    of_product = np.array([product_row[key] for key in linked.product_ids], np.int64)
    return ClickTable.build(of_query[clicks.rows], of_product[clicks.products], clicks.weights,
                            queries.ids)
