"""From clicks and values to codes: the code table, and the codes of every query.

Section 1 of the method. Candidates are sets of values that products, and clicked products of
queries, have together. Products vote for the candidates that a shopper who wants them would ask
by; the chosen codes are shared through clicks both ways. Knows no text but words of queries.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy import sparse

from gram_jax.attributes.schema import AttributeSchema
from gram_jax.attributes.value_table import ValueTable
from gram_jax.codes.candidates import candidate_subsets
from gram_jax.codes.code import Code
from gram_jax.codes.code_postings import CodePostings
from gram_jax.codes.code_table import CodeTable
from gram_jax.codes.decisions import Decisions, Fate
from gram_jax.codes.mining_settings import MiningSettings
from gram_jax.codes.predictability import (
    click_shares,
    holding_matrix,
    naming_rates,
    predict_values,
)
from gram_jax.codes.query_codes import choose_query_codes
from gram_jax.codes.selection import Select, Selection, select_by_votes
from gram_jax.codes.sharing import cap_codes_per_product, share_by_clicks
from gram_jax.codes.subsets import subset_postings
from gram_jax.core.clicks import ClickTable
from gram_jax.core.parallel import MapShards, map_here


@dataclasses.dataclass(frozen=True, eq=False)
class ShopValues:
    """A shop as mining sees it.

    Args:
      product_ids: external keys.
      products: the values of every product, in that order.
      clicks: of the queries that codes are mined from; its rows are the rows below.
      queries: the values of those queries, numbered as the products'.
      words: float64 [queries, words], 1 where a query's text has a telling word.

    Raises:
      ValueError: sizes disagree.
    """

    product_ids: Sequence[str]
    products: ValueTable
    clicks: ClickTable
    queries: ValueTable
    words: sparse.csr_array

    def __post_init__(self):
        if not (len(self.product_ids) == self.products.num_rows and self.clicks.num_queries
                == self.queries.num_rows == self.words.shape[0]):
            raise ValueError(f"{len(self.product_ids)} product_ids for {self.products.num_rows} "
                             f"products, or {self.clicks.num_queries} rows of clicks for "
                             f"{self.queries.num_rows} and {self.words.shape[0]} queries")
        if self.queries.values != self.products.values:
            raise ValueError("the queries' values are not numbered as the products'")


@dataclasses.dataclass(frozen=True, eq=False)
class MinedCodes:
    """What mining found.

    Args:
      code_table: codes and their products.
      query_codes: query_id -> code_ids, best first, of every query that was mined and has any.
      worths: float64 [codes], how much a product's vote prefers each code.
      decisions: what became of every candidate.
    """

    code_table: CodeTable
    query_codes: Mapping[str, tuple[int, ...]]
    worths: np.ndarray
    decisions: Decisions

    def codes_of_product(self, product: int) -> tuple[int, ...]:
        """The code_ids of a product, those of most worth first."""
        code_ids = self.code_table.codes_of(product)
        return tuple(code_ids[np.argsort(-self.worths[code_ids], kind="stable")].tolist())


def mine_codes(shop: ShopValues, *, settings: MiningSettings, schema: AttributeSchema,
               select: Select = select_by_votes, map_shards: MapShards = map_here,
               say: Callable[[str], None] = lambda text: None) -> MinedCodes:
    """Mines the codes of a catalogue.

    Args:
      shop: see there.
      settings: see there.
      schema: gives codes their canonical order.
      select: how codes are chosen among candidates.
      map_shards: where candidates are counted and intersected.
      say: told what is being done.
    """
    num_products, num_values = shop.products.num_rows, len(shop.products.values)
    say("asking which values queries predict")
    shares = click_shares(shop.clicks, shop.products)
    predicted = predict_values(shop.words, holding_matrix(shop.queries), shares)
    rates = naming_rates(predicted, shares)
    say("counting sets of values")
    subsets = candidate_subsets(shop.products, rates, predicted, shares, settings,
                                map_shards=map_shards)
    del shares  # as long as the values of all clicks
    sizes, in_bounds, products = subset_postings(
        subsets, shop.products.postings, min_products=settings.floor,
        max_products=settings.max_products, map_shards=map_shards)
    say(f"choosing among {len(in_bounds):,} sets of values")
    worths = _log_rates(subsets[in_bounds], rates) + settings.size_exponent * np.log(
        sizes[in_bounds])
    repeats = _say_what_a_better_one_says(subsets[in_bounds], worths, shop.products)
    worths[repeats] = -np.inf
    candidates = CodePostings(subsets[in_bounds], _starts(sizes[in_bounds]), products, worths)
    selection = select(candidates, shop.clicks, predicted, num_products=num_products,
                       settings=settings)
    codes = candidates.chosen(np.flatnonzero(selection.chosen))
    del candidates, products  # most of the memory that a large catalogue takes
    say(f"sharing {codes.num_codes:,} codes through clicks")
    kept, codes = _share(codes, predicted, shop.clicks, num_products, settings)
    picks = choose_query_codes(codes, shop.clicks, predicted, num_products=num_products,
                               settings=settings)
    decisions = _decisions(subsets, sizes, in_bounds, worths, selection, kept, settings)
    return _named(codes, picks, decisions, shop, num_values, schema)


def _starts(sizes: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])


def _log_rates(subsets: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """The log of how surely queries predict all values of each subset."""
    return np.where(subsets >= 0, np.log(np.append(rates, 1.0))[subsets], 0.0).sum(axis=1)


def _say_what_a_better_one_says(subsets: np.ndarray, worths: np.ndarray,
                                products: ValueTable) -> list[int]:
    """The candidates made of the same words as one of more worth: 'mower | lawn', 'lawn mower'."""
    said_by = [text.split(" ") for _, text in products.values]
    best: dict[frozenset[str], int] = {}
    worse = []
    for candidate in np.argsort(-worths, kind="stable").tolist():
        said = frozenset(word for value in subsets[candidate].tolist() if value >= 0
                         for word in said_by[value])
        if best.setdefault(said, candidate) != candidate:
            worse.append(candidate)
    return worse


def _share(codes: CodePostings, predicted, clicks: ClickTable, num_products: int,
           settings: MiningSettings) -> tuple[np.ndarray, CodePostings]:
    """Codes with the products that clicks give them, under the cap, and which of them remain."""
    picks = choose_query_codes(codes, clicks, predicted, num_products=num_products,
                               settings=settings)
    joined = share_by_clicks(codes, picks.affinities(codes.num_codes), clicks,
                             num_products=num_products, min_support=settings.min_sharing_support,
                             max_products=settings.max_products)
    capped = cap_codes_per_product(codes, joined, max_codes=settings.max_codes_per_product)
    floors = np.array([settings.floor(size) for size in (capped.subsets >= 0).sum(axis=1)],
                      np.int64)
    kept = capped.sizes >= floors
    return kept, capped.chosen(np.flatnonzero(kept))


def _decisions(subsets, sizes, in_bounds, worths: np.ndarray, selection: Selection,
               kept: np.ndarray, settings: MiningSettings) -> Decisions:
    fates = np.where(sizes > settings.max_products, Fate.TOO_MANY_PRODUCTS, Fate.TOO_FEW_PRODUCTS)
    fate = np.where(np.isneginf(worths), Fate.SAME_WORDS, Fate.TOO_FEW_VOTES)
    fate[selection.chosen] = np.where(selection.rescued[selection.chosen], Fate.RESCUED,
                                      Fate.CHOSEN)
    fate[np.flatnonzero(selection.chosen)[~kept]] = Fate.TOO_SMALL_AFTER_CAP
    votes, weighed = np.zeros(len(subsets), np.int32), np.full(len(subsets), np.nan, np.float32)
    fates[in_bounds], votes[in_bounds] = fate, selection.votes
    weighed[in_bounds] = np.where(np.isneginf(worths), np.nan, worths)
    return Decisions(subsets, fates.astype(np.int8), sizes.astype(np.int32), votes, weighed)


def _named(codes: CodePostings, picks, decisions: Decisions, shop: ShopValues, num_values: int,
           schema: AttributeSchema) -> MinedCodes:
    values = shop.products.values
    named = [Code.of([values[value] for value in subset if value >= 0], schema)
             for subset in codes.subsets.tolist()]
    table = CodeTable.build({code: codes.of_code(at) for at, code in enumerate(named)},
                            shop.product_ids)
    code_ids = np.array([table.id_of_text[code.text] for code in named], np.int64)
    worths = np.zeros(len(named))
    worths[code_ids] = codes.worths
    query_codes = {}
    for row, query_id in enumerate(shop.clicks.query_ids):
        if picked := picks.of_row(row):
            query_codes[query_id] = tuple(code_ids[list(picked)].tolist())
    return MinedCodes(table, query_codes, worths, decisions)
