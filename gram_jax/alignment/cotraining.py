"""Co-training: what the generators propose, what of it fits, and what joins the examples.

Method section 2, steps (2) to (5). Trained on mined codes alone, the product side drifts to codes
that no query asks by. So each side's generator proposes codes that its texts lack; a proposal also
goes through a click to the other side, where the two have to meet. Relevance decides what is kept.
Knows numbers of codes and texts; no model is run here.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from gram_jax.alignment.code_fit import granularity_floors
from gram_jax.codes.code import GRANULARITIES
from gram_jax.codes.coded_texts import CodedTexts
from gram_jax.codes.generated_codes import GeneratedCodes
from gram_jax.core.clicks import ClickTable
from gram_jax.core.errors import ConfigError

CodeFits = Callable[[Sequence[str], np.ndarray, np.ndarray], np.ndarray]
"""From texts, and rows and codes of pairs, to the fit of each pair, float32 [pairs]."""


@dataclasses.dataclass(frozen=True)
class CotrainingSettings:
    """What a round of co-training proposes and keeps.

    Args:
      max_new_query_codes: proposals for a query, from its generator.
      max_new_product_codes: proposals for a product, from its generator.
      max_shared_codes: codes that go through each click to the other side, and as many back.
      floor_quantile: a proposal has to fit as well as all but this share of mined pairs of its
        granularity do.
      num_witnesses: texts through which the fit of a code is seen.
      num_mined_pairs: mined pairs of each side that the floors are taken from.
      seed: of what is drawn.

    Raises:
      ConfigError: a number is outside its range.
    """

    max_new_query_codes: int = 10
    max_new_product_codes: int = 10
    max_shared_codes: int = 3
    floor_quantile: float = 0.25
    num_witnesses: int = 8
    num_mined_pairs: int = 20000
    seed: int = 0

    def __post_init__(self):
        for name in ("max_new_query_codes", "max_new_product_codes", "max_shared_codes"):
            if getattr(self, name) < 0:
                raise ConfigError(f"CotrainingSettings.{name} is {getattr(self, name)}, below 0")
        for name in ("num_witnesses", "num_mined_pairs"):
            if getattr(self, name) < 1:
                raise ConfigError(f"CotrainingSettings.{name} is {getattr(self, name)}, below 1")
        if not 0 <= self.floor_quantile <= 1:
            raise ConfigError(f"CotrainingSettings.floor_quantile is {self.floor_quantile}, not "
                              "from 0 to 1")


@dataclasses.dataclass(frozen=True, eq=False)
class Proposals:
    """Codes proposed for texts; a pair is there once, and none that the text has.

    `rows` int64 [pairs] counts the rows of a `CodedTexts`, `codes` int32 [pairs] its table.
    """

    rows: np.ndarray
    codes: np.ndarray

    @classmethod
    def new(cls, texts: CodedTexts, *pairs: tuple[np.ndarray, np.ndarray]) -> "Proposals":
        """The union of some (rows, codes), less those that the texts have."""
        keys = np.unique(np.concatenate([np.zeros(0, np.int64),
                                         *(texts.keys_of(*pair) for pair in pairs)]))
        rows, codes = np.divmod(np.setdiff1d(keys, texts.keys, assume_unique=True),
                                texts.code_table.num_codes)
        return cls(rows, codes.astype(np.int32))

    def __len__(self) -> int:
        return len(self.rows)


@dataclasses.dataclass(frozen=True, eq=False)
class SideJudge:
    """What one side, queries or products, asks of a code.

    Args:
      fits: how well codes fit this side's texts.
      floors: float32 [granularities], what a code has to reach.
    """

    fits: CodeFits
    floors: np.ndarray

    def keep(self, texts: CodedTexts, proposals: Proposals) -> Proposals:
        """The proposals that reach the floor of their granularity, best first in each row."""
        fits = self.fits(texts.texts, proposals.rows, proposals.codes)
        granularities = texts.code_table.granularities[proposals.codes]
        fit = np.flatnonzero(fits >= self.floors[granularities])
        fit = fit[np.lexsort((-fits[fit], proposals.rows[fit]))]
        return Proposals(proposals.rows[fit], proposals.codes[fit])


def mined_floors(fits: CodeFits, mined: CodedTexts, settings: CotrainingSettings) -> np.ndarray:
    """What most of a sample of mined pairs reach: float32 [granularities].

    Args:
      fits: of this side.
      mined: its texts with their mined codes.
      settings: how many pairs, and how many of them.
    """
    pairs = np.arange(len(mined.codes))
    if len(pairs) > settings.num_mined_pairs:
        rng = np.random.default_rng(settings.seed)
        pairs = np.sort(rng.choice(pairs, settings.num_mined_pairs, replace=False))
    rows, codes = mined.rows[pairs], mined.codes[pairs]
    return granularity_floors(fits(mined.texts, rows, codes),
                              mined.code_table.granularities[codes],
                              quantile=settings.floor_quantile)


def own_proposals(texts: CodedTexts, generated: GeneratedCodes,
                  max_new: int) -> tuple[np.ndarray, np.ndarray]:
    """The first codes that a side's generator wrote for its texts and that these lack.

    Args:
      texts: what is known.
      generated: for some of them; others are left out.
      max_new: proposals a text.

    Returns:
      rows of `texts`, int64, and codes, int32.

    Raises:
      ArtifactError: the codes were generated for another table.
    """
    generated.check_table(texts.code_table)
    place = _rows_of(texts, generated)[generated.rows]
    is_new = (place >= 0) & ~texts.holds(place, generated.codes)
    new = generated.only(is_new)
    first = new.ranks < max_new
    return place[is_new][first], new.codes[first]


def through_clicks(clicks: ClickTable, starts: np.ndarray, codes: np.ndarray,
                   count: int) -> tuple[np.ndarray, np.ndarray]:
    """The first codes of every giver, handed to the takers that a click joins it with.

    Args:
      clicks: rows are takers, products are givers.
      starts: int64 [givers + 1], as compressed rows beside `codes`, best first.
      codes: int32.
      count: codes handed through each click.

    Returns:
      rows of takers, int64, and codes, int32, with repeats.
    """
    sizes = np.minimum(np.diff(starts)[clicks.products], count)
    click = np.repeat(np.arange(len(clicks.products)), sizes)
    offset = np.arange(len(click)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return (clicks.rows[click].astype(np.int64),
            codes[starts[clicks.products][click] + offset].astype(np.int32))


@dataclasses.dataclass(frozen=True, eq=False)
class Augmented:
    """One side's texts with what joined them, and what became of the proposals."""

    texts: CodedTexts
    proposed: Proposals
    kept: Proposals

    @classmethod
    def by(cls, judge: SideJudge, texts: CodedTexts, proposals: Proposals) -> "Augmented":
        """Adds what the judge keeps behind the codes that the texts have."""
        kept = judge.keep(texts, proposals)
        return cls(texts.with_codes(kept.rows, kept.codes), proposals, kept)

    def counts(self) -> Mapping[str, object]:
        """How many pairs there are, were proposed and kept, for people and JSON."""
        return {"pairs": len(self.texts.codes), "proposed": len(self.proposed),
                "kept": len(self.kept), "proposed_by_granularity": self._counted(self.proposed),
                "kept_by_granularity": self._counted(self.kept)}

    def _counted(self, pairs: Proposals) -> dict[str, int]:
        granularities = self.texts.code_table.granularities[pairs.codes]
        counts = np.bincount(granularities, minlength=len(GRANULARITIES))
        return dict(zip(GRANULARITIES, counts.tolist()))


def augment(queries: CodedTexts, products: CodedTexts, clicks: ClickTable,
            generated_queries: GeneratedCodes, generated_products: GeneratedCodes,
            query_judge: SideJudge, product_judge: SideJudge,
            settings: CotrainingSettings) -> tuple[Augmented, Augmented]:
    """One round's proposals of both sides, judged, and joined to what was there.

    A query is proposed codes by its generator, and the first codes that the product generator
    wrote for each product clicked for it. A product is proposed codes by its generator, and the
    best that were kept for each query it was clicked for.

    Args:
      queries: with the codes they have.
      products: with the codes they have.
      clicks: rows are those of `queries`, products those of `products`.
      generated_queries: for some or all queries.
      generated_products: for some or all products.
      query_judge: of codes of queries.
      product_judge: of codes of products.
      settings: how many are proposed.

    Returns:
      Queries and products. What they had is still there, and comes first.

    Raises:
      ArtifactError: codes were generated for another table.
    """
    shared = settings.max_shared_codes
    own = own_proposals(queries, generated_queries, settings.max_new_query_codes)
    theirs = through_clicks(clicks, *_by_row(products, generated_products), shared)
    new_queries = Augmented.by(query_judge, queries, Proposals.new(queries, own, theirs))

    own = own_proposals(products, generated_products, settings.max_new_product_codes)
    kept = new_queries.kept
    first_of_row = np.searchsorted(kept.rows, np.arange(len(queries.ids) + 1))
    theirs = through_clicks(_turned(clicks, products.ids), first_of_row, kept.codes, shared)
    return new_queries, Augmented.by(product_judge, products,
                                     Proposals.new(products, own, theirs))


def _turned(clicks: ClickTable, product_ids: tuple[str, ...]) -> ClickTable:
    """The same clicks with a row for each product, and queries in the products' place."""
    return ClickTable.build(clicks.products, clicks.rows, clicks.weights, product_ids)


def _by_row(texts: CodedTexts, generated: GeneratedCodes) -> tuple[np.ndarray, np.ndarray]:
    """The generated codes as compressed rows of `texts`; none for a text they are not for."""
    row = _rows_of(texts, generated)[generated.rows]
    order = np.argsort(row, kind="stable")  # codes stay best first
    starts = np.searchsorted(row[order], np.arange(len(texts.ids) + 1))
    return starts, generated.codes[order]


def _rows_of(texts: CodedTexts, generated: GeneratedCodes) -> np.ndarray:
    """The row of `texts` that each row of `generated` is of, -1 for none: int64."""
    row_of_id = {key: row for row, key in enumerate(texts.ids)}
    return np.array([row_of_id.get(key, -1) for key in generated.ids], np.int64)
