"""A shop at rest: products, queries, clicks, judgments and which query serves what.

In memory its products, clicks and judgments are tuples of records, or `StoredProducts` and
`PairColumns`, which look the same and hold millions. Knows nothing about where a shop came from
(files of a user, a public data set, the simulator) and nothing about what is done with it.
"""

import dataclasses
import functools
import json
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gram_jax.catalog.pairs import PairColumns
from gram_jax.catalog.stored_products import StoredProducts, write_products
from gram_jax.core.atomic import atomic_directory
from gram_jax.core.clicks import ClickTable
from gram_jax.core.errors import ArtifactError
from gram_jax.core.records import Click, Judgment, Product, Query
from gram_jax.core.runs import Qrels

SPLITS = ("train", "tune", "test")
"""What a query serves: training, choosing settings, or the final report."""

_PAIR_FILES = {Click: "clicks", Judgment: "judgments"}


@dataclasses.dataclass(frozen=True)
class Shop:
    """Everything known about one shop, consistent by construction.

    Attributes:
      products: the catalogue; ids are unique.
      queries: every query of every split; ids are unique.
      clicks: on train and tune queries only: a test query never shows what was chosen for it.
      judgments: on tune and test queries only.
      splits: query_id -> 'train' | 'tune' | 'test', for exactly the queries above. Tune queries
        are never trained or mined on: settings are chosen on them.
      dropped_rows: reason -> number of input rows that were left out for it.

    Raises:
      ValueError: one of these statements does not hold.
    """

    products: Sequence[Product]
    queries: tuple[Query, ...]
    clicks: Sequence[Click]
    judgments: Sequence[Judgment]
    splits: Mapping[str, str]
    dropped_rows: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        product_ids = _unique(self.product_ids, "product_id")
        query_ids = _unique(self.query_ids, "query_id")
        if query_ids != self.splits.keys():
            odd = sorted(query_ids ^ self.splits.keys())[0]
            raise ValueError(f"query {odd!r} is in only one of `queries` and `splits`")
        for query_id, split in self.splits.items():
            if split not in SPLITS:
                raise ValueError(f"query {query_id!r} has split {split!r}, not one of {SPLITS}")
        for pairs, name, allowed in ((self.clicks, "click", ("train", "tune")),
                                     (self.judgments, "judgment", ("tune", "test"))):
            if isinstance(pairs, PairColumns):
                self._check_columns(pairs, name, allowed)
            else:
                _check_pairs(pairs, name, product_ids, self.splits, allowed)

    def _check_columns(self, pairs: PairColumns, name: str, allowed: tuple[str, ...]) -> None:
        if pairs.query_ids != self.query_ids or pairs.product_ids != self.product_ids:
            raise ValueError(f"the columns of {name}s count other queries or products")
        odd = self._is_in(*(split for split in SPLITS if split not in allowed))[pairs.queries]
        if odd.any():
            query_id = self.query_ids[pairs.queries[np.argmax(odd)]]
            raise ValueError(f"{name} of query {query_id!r}, "
                             f"which is a {self.splits[query_id]} query")

    def _is_in(self, *splits: str) -> np.ndarray:
        """bool [queries]: whether each query is in one of the splits."""
        return np.fromiter((self.splits[query_id] in splits for query_id in self.query_ids), bool,
                           len(self.queries))

    @functools.cached_property
    def product_ids(self) -> tuple[str, ...]:
        """The ids of the products, in the shop's order."""
        if isinstance(self.products, StoredProducts):
            return self.products.ids
        return tuple(product.product_id for product in self.products)

    @functools.cached_property
    def query_ids(self) -> tuple[str, ...]:
        """The ids of the queries, in the shop's order."""
        return tuple(query.query_id for query in self.queries)

    @functools.cached_property
    def product_by_id(self) -> Mapping[str, Product]:
        """product_id -> product."""
        return {product.product_id: product for product in self.products}

    def queries_of(self, split: str) -> tuple[Query, ...]:
        """The queries of one split, in the shop's order."""
        _check_split(split)
        return tuple(query for query in self.queries if self.splits[query.query_id] == split)

    def clicks_of(self, split: str) -> Sequence[Click]:
        """The clicks on queries of one split, in the shop's order."""
        _check_split(split)
        if isinstance(self.clicks, PairColumns):
            return self.clicks.of_queries(self._is_in(split))
        return tuple(click for click in self.clicks if self.splits[click.query_id] == split)

    def click_table(self, split: str) -> ClickTable:
        """The clicks of one split as arrays: a row for each of its queries, in their order."""
        _check_split(split)
        return self._columns(Click, self.clicks).click_table(self._is_in(split))

    def _columns(self, kind, pairs) -> PairColumns:
        return PairColumns.of_records(kind, pairs, self.query_ids, self.product_ids)

    def qrels(self, split: str) -> Qrels:
        """The judgments of one split as query_id -> product_id -> grade."""
        _check_split(split)
        qrels: dict[str, dict[str, int]] = {}
        for judgment in self.judgments:
            if self.splits[judgment.query_id] == split:
                qrels.setdefault(judgment.query_id, {})[judgment.product_id] = judgment.grade
        return qrels

    def counts(self) -> dict[str, Any]:
        """How many of everything, for manifests and people."""
        queries = Counter(self.splits.values())
        return {
            "products": len(self.products),
            "queries": {split: queries[split] for split in SPLITS},
            "clicks": len(self.clicks),
            "judgments": len(self.judgments),
            "dropped_rows": dict(sorted(self.dropped_rows.items())),
        }


def write_shop(shop: Shop, folder: str | Path) -> None:
    """Writes the shop, replacing `folder` as a whole.

    Products and queries are JSON lines, clicks and judgments arrays that count these lines.
    """
    with atomic_directory(folder) as fresh:
        write_products(shop.products, fresh / "products.jsonl")
        with (fresh / "queries.jsonl").open("w", encoding="utf-8", newline="\n") as stream:
            for query in shop.queries:
                row = {"query_id": query.query_id, "text": query.text,
                       "split": shop.splits[query.query_id]}
                stream.write(json.dumps(row, ensure_ascii=False) + "\n")
        for kind, name in _PAIR_FILES.items():
            columns = shop._columns(kind, getattr(shop, name))
            np.savez(fresh / f"{name}.npz", queries=columns.queries, products=columns.products,
                     amounts=columns.amounts)
        counts = json.dumps(shop.counts(), indent=2, ensure_ascii=False)
        (fresh / "counts.json").write_text(counts + "\n", encoding="utf-8")


def read_shop(folder: str | Path) -> Shop:
    """Reads what `write_shop` wrote; its products stay in their file until they are asked for.

    Raises:
      ArtifactError: a file is missing or damaged, or the files do not belong together.
    """
    folder = Path(folder)
    try:
        products = StoredProducts.scan(folder / "products.jsonl")
        query_rows = list(_read_rows(folder / "queries.jsonl"))
        queries = tuple(Query(row["query_id"], row["text"]) for row in query_rows)
        query_ids = tuple(query.query_id for query in queries)
        pairs = {name: _read_pairs(kind, folder / f"{name}.npz", query_ids, products.ids)
                 for kind, name in _PAIR_FILES.items()}
        counts = json.loads((folder / "counts.json").read_text(encoding="utf-8"))
        shop = Shop(products=products, queries=queries, **pairs,
                    splits={row["query_id"]: row["split"] for row in query_rows},
                    dropped_rows=counts["dropped_rows"])
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError,
            zipfile.BadZipFile) as error:
        raise ArtifactError(f"{folder} does not hold a whole shop: {error!r}. "
                            "Delete the folder and prepare the shop again.") from error
    if shop.counts() != counts:
        raise ArtifactError(f"{folder}: the rows do not agree with counts.json. "
                            "Delete the folder and prepare the shop again.")
    return shop


def _read_pairs(kind, path: Path, query_ids, product_ids) -> PairColumns:
    with np.load(path, allow_pickle=False) as arrays:
        return PairColumns(kind, query_ids, product_ids, arrays["queries"], arrays["products"],
                           arrays["amounts"])


def _unique(ids: Iterable[str], name: str) -> set[str]:
    seen: set[str] = set()
    for key in ids:
        if key in seen:
            raise ValueError(f"{name} {key!r} occurs twice")
        seen.add(key)
    return seen


def _check_pairs(pairs, name: str, product_ids: set[str], splits: Mapping[str, str],
                 allowed_splits: tuple[str, ...]) -> None:
    for pair in pairs:
        if pair.product_id not in product_ids:
            raise ValueError(f"{name} on unknown product {pair.product_id!r}")
        if pair.query_id not in splits:
            raise ValueError(f"{name} of unknown query {pair.query_id!r}")
        if splits[pair.query_id] not in allowed_splits:
            raise ValueError(f"{name} of query {pair.query_id!r}, "
                             f"which is a {splits[pair.query_id]} query")


def _check_split(split: str) -> None:
    if split not in SPLITS:
        raise ValueError(f"split {split!r} is not one of {SPLITS}")


def _read_rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="\n") as stream:
        for line in stream:
            yield json.loads(line)
