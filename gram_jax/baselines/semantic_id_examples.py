"""What a model learns semantic ids from: queries to ids, titles to ids, and ids back to titles.

The first two are the pairs of GRAM with an id in the place of a code, so that its tasks read them.
The third is LC-Rec's alignment of its tokens with language (arXiv 2311.09049): an id
says what the product is. Knows shops and ids; nothing of tokens except how many fit.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from gram_jax.baselines.semantic_ids import SemanticIds
from gram_jax.catalog.shop import Shop
from gram_jax.codes.examples import CodeExample, product_text, write_code_examples
from gram_jax.core.clicks import ClickTable
from gram_jax.core.protocols import Vocabulary
from gram_jax.core.records import RELEVANT_GRADE, Click, Product, Query
from gram_jax.text.normal_form import normalize_text

TITLES_FILE = "semantic_id_titles.train.jsonl"


def write_semantic_id_examples(folder: str | os.PathLike, shop: Shop, ids: SemanticIds,
                               vocabulary: Vocabulary, *, max_ids_per_query: int = 10,
                               max_title_tokens: int = 24) -> Mapping[str, int]:
    """Writes the files that the tasks read where the codes stage would have written its own.

    Tune queries have the ids of the products that were judged relevant for them.

    Args:
      folder: gets query_codes.train.jsonl, query_codes.tune.jsonl, product_codes.train.jsonl and
        semantic_id_titles.train.jsonl.
      shop: whose products have the ids, in the same order.
      ids: of the products.
      vocabulary: with the words of the ids; says what of a title fits.
      max_ids_per_query: of the most clicked products.
      max_title_tokens: of a title as a target, EOS included.

    Returns:
      file -> how many examples it has.

    Raises:
      ValueError: the ids are those of other products.
    """
    if ids.product_ids != tuple(shop.product_ids):
        raise ValueError("these are the semantic ids of other products than the shop's")
    examples = {
        "query_codes.train.jsonl": query_id_examples(
            shop.queries_of("train"), shop.click_table("train"), ids,
            max_ids_per_query=max_ids_per_query),
        "query_codes.tune.jsonl": query_id_examples(
            shop.queries_of("tune"), _relevant(shop), ids, max_ids_per_query=max_ids_per_query),
        "product_codes.train.jsonl": title_id_examples(shop.products, ids),
        TITLES_FILE: id_title_examples(shop.products, ids, vocabulary,
                                       max_title_tokens=max_title_tokens),
    }
    return {name: write_code_examples(Path(folder) / name, rows)
            for name, rows in examples.items()}


def query_id_examples(queries: Sequence[Query], clicks: ClickTable, ids: SemanticIds, *,
                      max_ids_per_query: int = 10) -> Iterator[CodeExample]:
    """For every query with clicks the ids of what was clicked most, of equals the first.

    Args:
      queries: in the order of the rows of `clicks`.
      clicks: whose product indices are rows of `ids`.
      ids: of the products.
      max_ids_per_query: more clicked products teach nothing.
    """
    for row, query in enumerate(queries):
        products, weights = clicks.of_row(row)
        best = products[np.argsort(-weights, kind="stable")[:max_ids_per_query]].tolist()
        if best:
            yield CodeExample(query.query_id, query.text,
                              tuple(ids.texts[product] for product in best))


def title_id_examples(products: Iterable[Product], ids: SemanticIds) -> Iterator[CodeExample]:
    """For every product, what GRAM's product side reads of it, and its id."""
    for product, text in zip(products, ids.texts, strict=True):
        yield CodeExample(product.product_id, product_text(product), (text,))


def id_title_examples(products: Iterable[Product], ids: SemanticIds, vocabulary: Vocabulary, *,
                      max_title_tokens: int) -> Iterator[CodeExample]:
    """For every product with a title its id, and as many words of the title as fit.

    Args:
      products: with the ids.
      ids: of the products.
      vocabulary: that spells the titles.
      max_title_tokens: EOS included.
    """
    for product, text in zip(products, ids.texts, strict=True):
        title = _fitting(normalize_text(product.title), vocabulary, max_title_tokens - 1)
        if title:
            yield CodeExample(product.product_id, text, (title,))


def _fitting(title: str, vocabulary: Vocabulary, max_tokens: int) -> str:
    """As many of the first words as can be spelled in so many tokens."""
    words = title.split()
    while words and len(vocabulary.encode([" ".join(words)])[0]) > max_tokens:
        words.pop()
    return " ".join(words)


def _relevant(shop: Shop) -> ClickTable:
    """The relevant products of every tune query, weighted by their grades."""
    judged = (Click(query_id, product_id, float(grade))
              for query_id, grades in shop.qrels("tune").items()
              for product_id, grade in grades.items() if grade >= RELEVANT_GRADE)
    return ClickTable.of_clicks(judged, [query.query_id for query in shop.queries_of("tune")],
                                shop.product_ids)
