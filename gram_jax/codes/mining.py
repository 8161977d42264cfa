"""From clicks and values to codes: the code table, and the codes of every query.

Section 1 of the method. Candidates are sets of values that products, and clicked products of
queries, have together. Products vote for the candidates that a shopper who wants them would ask
by; the chosen codes are shared through clicks both ways. Knows no text but words of queries.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from gram_jax.attributes.extract import Values
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.codes.candidates import candidate_subsets
from gram_jax.codes.code import GRANULARITIES, granularity_of
from gram_jax.codes.code_table import CodeTable
from gram_jax.codes.mining_settings import MiningSettings
from gram_jax.codes.predictability import naming_rates, predict_values
from gram_jax.codes.query_codes import codes_of_queries, mean_certainty
from gram_jax.codes.selection import select_by_votes
from gram_jax.codes.sharing import cap_codes_per_product, share_by_clicks
from gram_jax.codes.subsets import Subset, subset_postings
from gram_jax.codes.value_index import ValueIndex
from gram_jax.core.records import Click


@dataclasses.dataclass(frozen=True)
class MinedCodes:
    """What mining found.

    Args:
      code_table: codes and their products.
      query_codes: query_id -> code_ids, best first, of every query that was mined and has any.
      worths: float64 [codes], how much a product's vote prefers each code.
    """

    code_table: CodeTable
    query_codes: Mapping[str, tuple[int, ...]]
    worths: np.ndarray

    def codes_of_product(self, product: int) -> tuple[int, ...]:
        """The code_ids of a product, those of most worth first."""
        code_ids = self.code_table.codes_of(product)
        return tuple(code_ids[np.argsort(-self.worths[code_ids], kind="stable")].tolist())


@dataclasses.dataclass(frozen=True)
class MiningQuery:
    """A query as mining sees it: the words of its text that say something, and its values."""

    words: tuple[str, ...]
    values: Values


def mine_codes(*, product_values: Sequence[Values], queries: Mapping[str, MiningQuery],
               clicks: Iterable[Click], product_ids: Sequence[str], settings: MiningSettings,
               schema: AttributeSchema,
               progress: Callable = lambda it, description, total: it) -> MinedCodes:
    """Mines the codes of a catalogue.

    Args:
      product_values: of every product, in the order of `product_ids`.
      queries: query_id -> words and values of its text.
      clicks: on those queries; clicks of other queries do not count.
      product_ids: external keys.
      settings: see there.
      schema: gives codes their canonical order.
      progress: wraps the longest loop.
    """
    index = ValueIndex.build(product_values, schema)
    clicked = clicked_products(clicks, queries, product_ids)
    own = {query_id: index.numbers(queries[query_id].values) for query_id in clicked}
    predicted = predict_values({query_id: queries[query_id].words for query_id in clicked}, own,
                               clicked, index.product_values)
    rates = naming_rates(predicted, clicked, index.product_values, len(index.values))
    candidates = candidate_subsets(index, rates, predicted, clicked, settings)
    found = sorted(progress(
        subset_postings(candidates, index.postings, min_products=settings.floor,
                        max_products=settings.max_products), "counting products of codes", None),
        key=lambda pair: pair[0])
    subsets, postings = [subset for subset, _ in found], [row for _, row in found]
    worths = np.array([np.log(rates[list(subset)]).sum() + settings.size_exponent
                       * np.log(len(row)) for subset, row in found])
    worths[_say_what_a_better_one_says(subsets, worths, index)] = -np.inf
    ranks = _ranks(subsets)
    chosen = np.flatnonzero(select_by_votes(
        postings, worths, ranks, num_products=len(product_ids), votes=settings.votes,
        min_vote_share=settings.min_vote_share))
    codes = _Codes(subsets=[subsets[at] for at in chosen], postings=[postings[at] for at in chosen],
                   worths=worths[chosen])
    codes = _share(codes, predicted, clicked, len(product_ids), settings)
    return _finish(codes, index, predicted, clicked, product_ids, settings, schema)


def clicked_products(clicks: Iterable[Click], queries: Mapping[str, object],
                     product_ids: Sequence[str]) -> dict[str, dict[int, float]]:
    """query_id -> clicked product -> weight, of the queries given."""
    number = {product_id: product for product, product_id in enumerate(product_ids)}
    clicked: dict[str, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for click in clicks:
        if click.query_id in queries and click.weight > 0:
            clicked[click.query_id][number[click.product_id]] += click.weight
    return {query_id: dict(sorted(clicked[query_id].items())) for query_id in sorted(clicked)}


@dataclasses.dataclass(frozen=True)
class _Codes:
    subsets: list[Subset]
    postings: list[np.ndarray]
    worths: np.ndarray


def _ranks(subsets: Iterable[Subset]) -> np.ndarray:
    rank = {name: at for at, name in enumerate(GRANULARITIES)}
    return np.array([rank[granularity_of(len(subset))] for subset in subsets], np.int64)


def _say_what_a_better_one_says(subsets: Sequence[Subset], worths: np.ndarray,
                                index: ValueIndex) -> list[int]:
    """The candidates made of the same words as one of more worth: 'mower | lawn', 'lawn mower'."""
    best: dict[frozenset[str], int] = {}
    worse = []
    for candidate in np.argsort(-worths, kind="stable").tolist():
        said = frozenset(word for value in subsets[candidate]
                         for word in index.values[value][1].split(" "))
        if best.setdefault(said, candidate) != candidate:
            worse.append(candidate)
    return worse


def _share(codes: _Codes, predicted, clicked, num_products: int,
           settings: MiningSettings) -> _Codes:
    """Codes with the products that clicks give them, under the cap; codes too small are gone."""
    query_codes = codes_of_queries(codes.postings, codes.subsets, predicted, clicked,
                                   num_products=num_products, settings=settings)

    def affinity(query_id: str, code: int) -> float:
        return mean_certainty(predicted[query_id], codes.subsets[code])

    joined = share_by_clicks(codes.postings, query_codes, affinity, clicked,
                             min_support=settings.min_sharing_support,
                             max_products=settings.max_products)
    capped = cap_codes_per_product(codes.postings, joined, codes.worths, num_products=num_products,
                                   max_codes=settings.max_codes_per_product)
    kept = [at for at, subset in enumerate(codes.subsets)
            if len(capped[at]) >= settings.floor(len(subset))]
    return _Codes([codes.subsets[at] for at in kept], [capped[at] for at in kept],
                  codes.worths[kept])


def _finish(codes: _Codes, index: ValueIndex, predicted, clicked, product_ids,
            settings: MiningSettings, schema: AttributeSchema) -> MinedCodes:
    named = [index.code(subset, schema) for subset in codes.subsets]
    table = CodeTable.build(dict(zip(named, codes.postings)), product_ids)
    query_codes = codes_of_queries(codes.postings, codes.subsets, predicted, clicked,
                                   num_products=len(product_ids), settings=settings)
    code_ids = [table.id_of_text[code.text] for code in named]
    worths = np.zeros(len(named))
    worths[code_ids] = codes.worths
    return MinedCodes(table, {query_id: tuple(code_ids[code] for code in chosen)
                              for query_id, chosen in query_codes.items()}, worths)
