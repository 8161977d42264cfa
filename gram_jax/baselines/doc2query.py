"""DocT5Query: BM25 over products with the queries that were generated for them.

A product is then found by words that sellers leave out and shoppers use (Nogueira et al., arXiv
1904.08375). Knows queries by the product they belong to; nothing of the model that wrote them.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from gram_jax.baselines.bm25 import product_text
from gram_jax.core.atomic import atomic_file
from gram_jax.core.errors import ArtifactError
from gram_jax.core.records import Product

GeneratedQueries = Mapping[str, Sequence[str]]
"""product_id -> the queries generated for it."""


def expanded_text(queries: GeneratedQueries) -> Callable[[Product], str]:
    """The text of a product with its queries behind it, for `bm25.BM25Retriever` and `tune_bm25`.

    A query that was generated twice stands there twice: how often a word is generated is what BM25
    is to count. A product without queries keeps its own text.
    """
    def text_of(product: Product) -> str:
        return " ".join([product_text(product), *queries.get(product.product_id, ())])

    return text_of


def write_generated_queries(path: str | os.PathLike, queries: GeneratedQueries) -> None:
    """Writes a JSON object a line, whole or not at all."""
    with atomic_file(path) as stream:
        for product_id, texts in queries.items():
            row = {"product_id": product_id, "queries": list(texts)}
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")


def read_generated_queries(path: str | os.PathLike) -> dict[str, tuple[str, ...]]:
    """Reads what `write_generated_queries` wrote.

    Raises:
      ArtifactError: the file is missing or damaged.
    """
    found: dict[str, tuple[str, ...]] = {}
    try:
        # Read by "\n" alone: a text may hold other characters that split lines.
        with open(Path(path), encoding="utf-8", newline="\n") as stream:
            for line in stream:
                row = json.loads(line)
                texts = tuple(row["queries"])
                if not all(isinstance(text, str) for text in (row["product_id"], *texts)):
                    raise TypeError("a product_id and its queries are strings")
                found[row["product_id"]] = texts
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{path} holds no generated queries ({error}): generate them again"
                            ) from error
    return found
