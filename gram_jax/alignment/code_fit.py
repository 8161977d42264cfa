"""How well a code fits a text: how relevant to it is what lies behind the code.

A relevance model knows queries and products, no codes. So a code is judged through its *witnesses*:
for a query, products under the code; for a product, queries that ask by the code, or the code's own
words where no query does. The fit of a pair is the mean relevance of some witnesses, the same for
all texts. A coarse code has many products that suit a query less, so fits are only compared within
one granularity: `granularity_floors` asks of a new pair what most mined pairs of its granularity
reach. Hence a relevance model needs no calibrated scale.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from gram_jax.codes.code import GRANULARITIES
from gram_jax.codes.code_table import CodeTable
from gram_jax.codes.coded_texts import CodedTexts
from gram_jax.core.protocols import RelevanceModel

_PAIRS_AT_ONCE = 1 << 16
_FEWEST_TO_TELL = 20


@dataclasses.dataclass(frozen=True, eq=False)
class Witnesses:
    """The texts that speak for each code, as compressed rows.

    Args:
      starts: int64 [codes + 1]; no row is empty.
      members: int32 [witnesses], places in `texts`.
      texts: of queries (and codes), or of products.
    """

    starts: np.ndarray
    members: np.ndarray
    texts: Sequence[str]

    @classmethod
    def products_under(cls, code_table: CodeTable, product_texts: Sequence[str], *, count: int,
                       seed: int) -> "Witnesses":
        """At most `count` products of each code, drawn once."""
        starts, chosen = _draw(code_table.posting_starts, count, seed)
        return cls(starts, code_table.posting_products[chosen], product_texts)

    @classmethod
    def queries_of(cls, queries: CodedTexts, *, count: int, seed: int) -> "Witnesses":
        """At most `count` queries that have each code, drawn once, or the code's own words."""
        table = queries.code_table
        order = np.argsort(queries.codes, kind="stable")
        first = np.searchsorted(queries.codes[order], np.arange(table.num_codes + 1))
        starts, chosen = _draw(first, count, seed)
        sizes = np.diff(starts)
        unasked = np.flatnonzero(sizes == 0)
        members = np.insert(queries.rows[order][chosen], starts[unasked],
                            len(queries.texts) + np.arange(len(unasked)))
        words = [" ".join(value for _, value in table.codes[code].values)
                 for code in unasked.tolist()]
        sizes[unasked] = 1
        return cls(np.concatenate([[0], np.cumsum(sizes)]), members.astype(np.int32),
                   (*queries.texts, *words))


def query_code_fits(relevance: RelevanceModel, products: Witnesses, query_texts: Sequence[str],
                    rows: np.ndarray, codes: np.ndarray, *,
                    progress=lambda iterable, description, total: iterable) -> np.ndarray:
    """How relevant the products under each code are to its query.

    Args:
      relevance: of a product's text to a query's.
      products: under the codes.
      query_texts: that `rows` counts.
      rows: int [pairs].
      codes: int [pairs].
      progress: shown over blocks of scored texts.

    Returns:
      float32 [pairs].
    """
    return _mean_scores(products, rows, codes, lambda query, product: relevance.score(
        [(query_texts[at], products.texts[other]) for at, other in zip(query, product)]),
        progress=progress)


def product_code_fits(relevance: RelevanceModel, queries: Witnesses, product_texts: Sequence[str],
                      rows: np.ndarray, codes: np.ndarray, *,
                      progress=lambda iterable, description, total: iterable) -> np.ndarray:
    """How relevant each product is to the queries that ask by its code.

    Args:
      relevance: of a product's text to a query's.
      queries: of the codes.
      product_texts: that `rows` counts.
      rows: int [pairs].
      codes: int [pairs].
      progress: shown over blocks of scored texts.

    Returns:
      float32 [pairs].
    """
    return _mean_scores(queries, rows, codes, lambda product, query: relevance.score(
        [(queries.texts[other], product_texts[at]) for at, other in zip(product, query)]),
        progress=progress)


def granularity_floors(fits: np.ndarray, granularities: np.ndarray, *,
                       quantile: float) -> np.ndarray:
    """The fit that all but a share `quantile` of known pairs reach, by granularity.

    Args:
      fits: float [pairs], of pairs that are known to belong together.
      granularities: int [pairs], places in `GRANULARITIES`.
      quantile: from 0 (the worst known fit is enough) to 1 (the best is).

    Returns:
      float32 [granularities]; that of all pairs where a granularity has too few to tell, and minus
      infinity where no pair is known.
    """
    floors = np.full(len(GRANULARITIES), -np.inf, np.float32)
    if len(fits):
        floors[:] = np.quantile(fits, quantile)
    for rank in range(len(GRANULARITIES)):
        of_rank = fits[granularities == rank]
        if len(of_rank) >= _FEWEST_TO_TELL:
            floors[rank] = np.quantile(of_rank, quantile)
    return floors


def floors_by_name(floors: np.ndarray) -> Mapping[str, float]:
    """Floors for people and JSON."""
    return {name: round(float(floor), 4) for name, floor in zip(GRANULARITIES, floors)
            if np.isfinite(floor)}


def _mean_scores(witnesses: Witnesses, rows: np.ndarray, codes: np.ndarray,
                 score: Callable[[list[int], list[int]], np.ndarray], *, progress) -> np.ndarray:
    """The mean over a code's witnesses; texts that meet through several codes are scored once."""
    sizes = np.diff(witnesses.starts)[codes]
    pair = np.repeat(np.arange(len(rows)), sizes)
    first = witnesses.starts[codes] - (np.cumsum(sizes) - sizes)
    member = witnesses.members[np.arange(len(pair)) + first[pair]]
    keys, meeting = np.unique(rows[pair].astype(np.int64) * len(witnesses.texts) + member,
                              return_inverse=True)
    own, other = np.divmod(keys, max(len(witnesses.texts), 1))
    scores = np.zeros(len(keys))
    blocks = range(0, len(keys), _PAIRS_AT_ONCE)
    for start in progress(blocks, "judge codes", len(blocks)):
        block = slice(start, start + _PAIRS_AT_ONCE)
        scores[block] = score(own[block].tolist(), other[block].tolist())
    total = np.bincount(pair, weights=scores[meeting], minlength=len(rows))
    return (total / np.maximum(sizes, 1)).astype(np.float32)


def _draw(starts: np.ndarray, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """At most `count` places of each row, drawn without repeats: their starts, and the places."""
    sizes = np.diff(starts)
    row = np.repeat(np.arange(len(sizes)), sizes)
    order = np.lexsort((np.random.default_rng(seed).random(len(row)), row))
    rank = np.arange(len(row)) - starts[:-1][row]  # the order keeps rows in their places
    chosen = order[rank < count]
    kept = np.minimum(sizes, count)
    return np.concatenate([[0], np.cumsum(kept)]).astype(np.int64), np.sort(chosen)
