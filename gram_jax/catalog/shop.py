"""A shop at rest: products, queries, clicks, judgments and which query serves what.

Knows nothing about where a shop came from (files of a user, a public data set, the simulator) and
nothing about what is done with it.
"""

import dataclasses
import functools
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gram_jax.core.atomic import atomic_directory
from gram_jax.core.errors import ArtifactError
from gram_jax.core.records import Click, Judgment, Product, Query
from gram_jax.core.runs import Qrels

SPLITS = ("train", "tune", "test")
"""What a query serves: training, choosing settings, or the final report."""


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

    products: tuple[Product, ...]
    queries: tuple[Query, ...]
    clicks: tuple[Click, ...]
    judgments: tuple[Judgment, ...]
    splits: Mapping[str, str]
    dropped_rows: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        product_ids = _unique((product.product_id for product in self.products), "product_id")
        query_ids = _unique((query.query_id for query in self.queries), "query_id")
        if query_ids != self.splits.keys():
            odd = sorted(query_ids ^ self.splits.keys())[0]
            raise ValueError(f"query {odd!r} is in only one of `queries` and `splits`")
        for query_id, split in self.splits.items():
            if split not in SPLITS:
                raise ValueError(f"query {query_id!r} has split {split!r}, not one of {SPLITS}")
        _check_pairs(self.clicks, "click", product_ids, self.splits, ("train", "tune"))
        _check_pairs(self.judgments, "judgment", product_ids, self.splits, ("tune", "test"))

    @functools.cached_property
    def product_by_id(self) -> Mapping[str, Product]:
        """product_id -> product."""
        return {product.product_id: product for product in self.products}

    def queries_of(self, split: str) -> tuple[Query, ...]:
        """The queries of one split, in the shop's order."""
        _check_split(split)
        return tuple(query for query in self.queries if self.splits[query.query_id] == split)

    def clicks_of(self, split: str) -> tuple[Click, ...]:
        """The clicks on queries of one split, in the shop's order."""
        _check_split(split)
        return tuple(click for click in self.clicks if self.splits[click.query_id] == split)

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
    """Writes the shop as JSON lines and a counts.json, replacing `folder` as a whole."""
    with atomic_directory(folder) as fresh:
        _write_rows(fresh / "products.jsonl", (
            {"product_id": p.product_id, "title": p.title,
             "attributes": {name: list(values) for name, values in p.attributes.items()}}
            for p in shop.products))
        _write_rows(fresh / "queries.jsonl", (
            {"query_id": q.query_id, "text": q.text, "split": shop.splits[q.query_id]}
            for q in shop.queries))
        _write_rows(fresh / "clicks.jsonl", (
            {"query_id": c.query_id, "product_id": c.product_id, "weight": c.weight}
            for c in shop.clicks))
        _write_rows(fresh / "judgments.jsonl", (
            {"query_id": j.query_id, "product_id": j.product_id, "grade": j.grade}
            for j in shop.judgments))
        counts = json.dumps(shop.counts(), indent=2, ensure_ascii=False)
        (fresh / "counts.json").write_text(counts + "\n", encoding="utf-8")


def read_shop(folder: str | Path) -> Shop:
    """Reads what `write_shop` wrote.

    Raises:
      ArtifactError: a file is missing or damaged, or the files do not belong together.
    """
    folder = Path(folder)
    try:
        products = tuple(
            Product(row["product_id"], row["title"],
                    {name: tuple(values) for name, values in row["attributes"].items()})
            for row in _read_rows(folder / "products.jsonl"))
        query_rows = list(_read_rows(folder / "queries.jsonl"))
        clicks = tuple(Click(row["query_id"], row["product_id"], row["weight"])
                       for row in _read_rows(folder / "clicks.jsonl"))
        judgments = tuple(Judgment(row["query_id"], row["product_id"], row["grade"])
                          for row in _read_rows(folder / "judgments.jsonl"))
        counts = json.loads((folder / "counts.json").read_text(encoding="utf-8"))
        shop = Shop(
            products=products,
            queries=tuple(Query(row["query_id"], row["text"]) for row in query_rows),
            clicks=clicks,
            judgments=judgments,
            splits={row["query_id"]: row["split"] for row in query_rows},
            dropped_rows=counts["dropped_rows"],
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(f"{folder} does not hold a whole shop: {error!r}. "
                            "Delete the folder and prepare the shop again.") from error
    if shop.counts() != counts:
        raise ArtifactError(f"{folder}: the rows do not agree with counts.json. "
                            "Delete the folder and prepare the shop again.")
    return shop


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


def _write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        for row in rows:
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")


def _read_rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="\n") as stream:
        for line in stream:
            yield json.loads(line)
