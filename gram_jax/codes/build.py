"""From a shop and the values of its texts to everything the codes stage leaves."""

import dataclasses
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy import sparse

from gram_jax.attributes.normalize import value_words
from gram_jax.attributes.reading import ShopAttributes
from gram_jax.attributes.term_counts import stop_words
from gram_jax.attributes.value_table import ValueTable
from gram_jax.catalog.shop import Shop
from gram_jax.catalog.splits import hash_share
from gram_jax.codes.code_postings import CodePostings
from gram_jax.codes.code_table import CodeTable
from gram_jax.codes.examples import CodeExample, product_text, write_code_examples
from gram_jax.codes.mining import MinedCodes, ShopValues, mine_codes
from gram_jax.codes.mining_settings import MiningSettings
from gram_jax.codes.predictability import holding_matrix
from gram_jax.codes.pseudo_queries import pseudo_queries
from gram_jax.codes.quality import code_quality, reach
from gram_jax.codes.query_codes import choose_query_codes
from gram_jax.codes.selection import Select, select_by_votes
from gram_jax.core.atomic import atomic_file
from gram_jax.core.clicks import ClickTable
from gram_jax.core.errors import ConfigError
from gram_jax.core.parallel import MapShards, map_here
from gram_jax.core.records import RELEVANT_GRADE, Click, Product

_TUNE_SHARE_OF_PSEUDO_QUERIES = 0.05


@dataclasses.dataclass(frozen=True, eq=False)
class CodeArtifacts:
    """What the codes stage leaves.

    Args:
      mined: codes, their products, and what became of every candidate.
      train_queries: text -> codes of train queries that have any; what the model learns from.
      tune_queries: the same of tune queries, from their relevant products, for metrics only: no
        code was made of them.
      quality: figures, JSON-able.
    """

    mined: MinedCodes
    train_queries: tuple[CodeExample, ...]
    tune_queries: tuple[CodeExample, ...]
    quality: Mapping[str, object]

    @property
    def code_table(self) -> CodeTable:
        """Codes and products."""
        return self.mined.code_table

    def product_examples(self, products: Iterable[Product]) -> Iterator[CodeExample]:
        """text -> codes of the catalogue's products, in its order, that have any codes."""
        for at, product in enumerate(products):
            codes = tuple(self.code_table.codes[code].text
                          for code in self.mined.codes_of_product(at))
            if codes:
                yield CodeExample(product.product_id, product_text(product), codes)

    def save(self, folder: str | os.PathLike, products: Iterable[Product]) -> None:
        """Writes every artifact below `folder`; `products` is the catalogue."""
        folder = Path(folder)
        self.code_table.save(folder / "table")
        self.mined.decisions.save(folder)
        write_code_examples(folder / "query_codes.train.jsonl", self.train_queries)
        write_code_examples(folder / "query_codes.tune.jsonl", self.tune_queries)
        write_code_examples(folder / "product_codes.train.jsonl", self.product_examples(products))
        with atomic_file(folder / "quality.json") as stream:
            json.dump(self.quality, stream, indent=2)


def build_codes(shop: Shop, attributes: ShopAttributes, *, settings: MiningSettings | None = None,
                select: Select = select_by_votes, map_shards: MapShards = map_here,
                say: Callable[[str], None] = lambda text: None) -> CodeArtifacts:
    """Mines the codes of a shop from its train queries, or from pseudo-queries where it has none.

    Args:
      shop: tune and test queries are not looked at for mining.
      attributes: the values of its texts.
      settings: of mining; the defaults suit tens of thousands of products.
      select: how codes are chosen among candidates.
      map_shards: where the counting of candidates runs.
      say: told what is being done.

    Raises:
      ConfigError: no code is within the settings' bounds.
    """
    settings = settings or MiningSettings()
    train, tune = (tuple(query_id for query_id in attributes.query_ids
                         if shop.splits[query_id] == split) for split in ("train", "tune"))
    asked = _Asked.of(shop, attributes, _in_order(shop.click_table("train"), train))
    judged = _Asked.of(shop, attributes,
                       ClickTable.of_clicks(_relevant(shop), tune, shop.product_ids))
    if not len(asked.clicks.products):
        say("no clicks: drawing pseudo-queries from the products' values")
        asked, judged = _pseudo_asked(attributes.products, settings)
    mined = mine_codes(
        ShopValues(shop.product_ids, attributes.products, asked.clicks, asked.values,
                   word_matrix(asked.texts)),
        settings=settings, schema=attributes.schema, select=select, map_shards=map_shards, say=say)
    if not mined.code_table.num_codes:
        raise ConfigError(
            f"no code has {settings.min_products} to {settings.max_products} products of "
            f"{len(shop.product_ids)}: lower MiningSettings.min_products, or give products "
            "attributes")
    tune_codes = _gold_codes(judged, mined.code_table, attributes.products, settings)
    relevant = {query_id: products for row, query_id in enumerate(judged.clicks.query_ids)
                if len(products := judged.clicks.of_row(row)[0])}
    quality = code_quality(mined.code_table, mined.query_codes, num_queries=len(asked.texts)) | {
        "tune_queries": reach(mined.code_table, tune_codes, relevant),
        "candidates": mined.decisions.counts()}
    return CodeArtifacts(mined, _examples(asked, mined.query_codes, mined.code_table),
                         _examples(judged, tune_codes, mined.code_table), quality)


@dataclasses.dataclass(frozen=True, eq=False)
class _Asked:
    """Queries with their texts, values (numbered as the products') and clicked products."""

    texts: list[str]
    values: ValueTable
    clicks: ClickTable

    @classmethod
    def of(cls, shop: Shop, attributes: ShopAttributes, clicks: ClickTable) -> "_Asked":
        """The queries of `clicks`."""
        row_of = {query_id: row for row, query_id in enumerate(attributes.query_ids)}
        text_of = {query.query_id: query.text for query in shop.queries}
        values = attributes.queries.chosen(
            np.array([row_of[query_id] for query_id in clicks.query_ids], np.int64))
        return cls([text_of[query_id] for query_id in clicks.query_ids],
                   values.numbered_as(attributes.products), clicks)


def _in_order(clicks: ClickTable, query_ids: Sequence[str]) -> ClickTable:
    row_of = {query_id: row for row, query_id in enumerate(clicks.query_ids)}
    return clicks.chosen(np.array([row_of[query_id] for query_id in query_ids], np.int64))


def _relevant(shop: Shop) -> Iterator[Click]:
    """What tune queries should find."""
    for query_id, grades in shop.qrels("tune").items():
        for product_id, grade in grades.items():
            if grade >= RELEVANT_GRADE:
                yield Click(query_id, product_id)


def _pseudo_asked(products: ValueTable, settings: MiningSettings) -> tuple[_Asked, _Asked]:
    """Pseudo-queries to learn from, and others held out by the hash of their text."""
    texts, clicks, values = pseudo_queries(
        products, num_queries=max(1, round(settings.pseudo_queries_per_product
                                           * products.num_rows)))
    held_out = np.array([hash_share(text, "pseudo") < _TUNE_SHARE_OF_PSEUDO_QUERIES
                         for text in texts], bool)
    return tuple(_Asked([texts[row] for row in rows], values.chosen(rows), clicks.chosen(rows))
                 for rows in (np.flatnonzero(~held_out), np.flatnonzero(held_out)))


def word_matrix(texts: Sequence[str]) -> sparse.csr_array:
    """float64 [texts, words], 1 where a text has the word; words that say nothing are left out."""
    number: dict[str, int] = {}
    starts, held = [0], []
    for text in texts:
        telling = set(value_words(text)) - stop_words()
        held.extend(sorted(number.setdefault(word, len(number)) for word in sorted(telling)))
        starts.append(len(held))
    return sparse.csr_array((np.ones(len(held)), np.array(held, np.int64), np.array(starts)),
                            shape=(len(texts), len(number)))


def _gold_codes(judged: _Asked, table: CodeTable, products: ValueTable,
                settings: MiningSettings) -> dict[str, tuple[int, ...]]:
    """Gold codes of tune queries; their text predicts what it mentions."""
    codes = postings_of_table(table, products)
    picks = choose_query_codes(codes, judged.clicks, holding_matrix(judged.values),
                               num_products=products.num_rows, settings=settings)
    return {query_id: chosen for row, query_id in enumerate(judged.clicks.query_ids)
            if (chosen := picks.of_row(row))}


def postings_of_table(table: CodeTable, products: ValueTable) -> CodePostings:
    """A finished table as arrays of value numbers and products."""
    width = max(len(code.values) for code in table.codes)
    subsets = np.full((table.num_codes, width), -1, np.int32)
    for code_id, code in enumerate(table.codes):
        numbers = sorted(products.number_of_text[text] for _, text in code.values)
        subsets[code_id, :len(numbers)] = numbers
    return CodePostings(subsets, table.posting_starts.astype(np.int64), table.posting_products,
                        np.zeros(table.num_codes))


def _examples(asked: _Asked, query_codes: Mapping[str, Sequence[int]],
              table: CodeTable) -> tuple[CodeExample, ...]:
    return tuple(CodeExample(query_id, text,
                             tuple(table.codes[code].text for code in query_codes[query_id]))
                 for query_id, text in zip(asked.clicks.query_ids, asked.texts)
                 if query_id in query_codes)
