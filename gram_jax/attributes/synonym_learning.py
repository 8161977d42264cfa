"""Synonyms learned from clicks: what shoppers say for what the products they choose are called.

A term of queries (a value, or a phrase that no value covers) stands for a value when the clicks
of its queries reach that value although the queries name nothing of its type, more often than
chance allows, nearly always, and hardly ever elsewhere. Things that merely go together ('sink'
and 'steel') fail one of these: they are of different types, or stand side by side in titles.

Index glossary: `term` counts the queries' terms, `value` the products' values, `row` queries.
"""

import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np
from scipy import sparse

from gram_jax.attributes.extract import AttributeExtractor
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.attributes.synonym_pairs import (
    CATEGORY,
    OPEN_TYPES,
    PHRASE,
    Pairs,
    QueryReach,
    holding,
)
from gram_jax.attributes.synonyms import Merge, Synonyms
from gram_jax.attributes.value_table import Values, ValueShard, ValueTable
from gram_jax.core.clicks import ClickTable

_NAMES = frozenset(["brand", "series", "model"])  # nobody has another word for a name
_NEARLY_AS_SURE = 0.75


@dataclasses.dataclass(frozen=True)
class SynonymSettings:
    """When two terms are the same.

    Args:
      max_queries: train queries that are looked at, evenly spread; more cost memory.
      min_queries: queries of a term that must reach the value without naming its type; terms of
        fewer queries are not looked at.
      false_discovery_rate: of Benjamini and Hochberg, over all pairs of such a term
        and a value that occur together.
      min_share: share of the term's queries, among those that name nothing else of the type,
        which must reach the value; a lower bound, so that few queries must agree more.
      min_lift: how many times the value must be as frequent there as in all such queries.
      reached_share: share of a query's clicks that must have a value for it to be reached.
      max_together: share of the rarer one's products (and of the term's queries) that may have
        both; synonyms seldom stand side by side.
    """

    max_queries: int = 300_000
    min_queries: int = 3
    false_discovery_rate: float = 0.01
    min_share: float = 0.4
    min_lift: float = 8.0
    reached_share: float = 0.5
    max_together: float = 0.1


def terms_of_texts(extractor: AttributeExtractor, texts: Iterable[str]) -> ValueShard:
    """The values and phrases of one shard of queries, a row for each."""
    return ValueShard.of(_terms(text, extractor) for text in texts)


def query_terms_of(shards: Iterable[ValueShard], schema: AttributeSchema) -> ValueTable:
    """The terms of all queries from those of shards; phrases have the type `PHRASE`."""
    return ValueTable.join(shards, AttributeSchema((*schema.names, PHRASE)))


def query_terms(texts: Iterable[str], extractor: AttributeExtractor) -> ValueTable:
    """The values and phrases of queries, in the order of the clicks' rows."""
    return query_terms_of([terms_of_texts(extractor, texts)], extractor.schema)


def _terms(text: str, extractor: AttributeExtractor) -> Values:
    values = extractor.of_text(text)
    known = {value for _, value in values}
    return values + tuple((PHRASE, phrase) for phrase in extractor.phrases(text)
                          if phrase not in known)


def learn_synonyms(terms: ValueTable, products: ValueTable, clicks: ClickTable, *,
                   settings: SynonymSettings | None = None) -> Synonyms:
    """Learns which terms of queries stand for which values of products.

    Categories first: what a query says beside its category may be any other type's value, but in
    a query that names no category it may well be that.

    Args:
      terms: of queries, from `query_terms`; a row for each row of `clicks`.
      products: the values of products.
      clicks: of train queries only.
      settings: when two are the same.
    """
    settings = settings or SynonymSettings()
    reach = QueryReach.read(terms, products, clicks, max_queries=settings.max_queries,
                            reached_share=settings.reached_share)
    others = sorted({kind for kind, _ in products.values} - OPEN_TYPES - _NAMES - {CATEGORY})
    has_category = np.ones(reach.said.shape[0], bool)
    merges: list[Merge] = []
    for types in ([CATEGORY], others):
        pairs = _accepted(Pairs.count(reach, types, has_category, settings.min_queries), reach,
                          settings)
        merges.extend(_merges(pairs, reach))
        categories = reach.of_type(CATEGORY)
        categories[pairs.terms] = True
        has_category = reach.said @ categories.astype(np.int32) > 0
    return Synonyms(tuple(merges))


def _accepted(pairs: Pairs, reach: QueryReach, settings: SynonymSettings) -> Pairs:
    """The pairs that are significant and strong; of these for each term the one that it means."""
    num_tests = len(pairs.terms)  # those of too few queries are tests too, which none passed
    pairs = pairs.where(pairs.both >= settings.min_queries)
    significant = _significant(pairs.p_values(), num_tests, settings.false_discovery_rate)
    pairs = pairs.where(significant & (_lower_bound(pairs.both, pairs.drawn) >= settings.min_share)
                        & (pairs.lifts() >= settings.min_lift))
    pairs = pairs.where(_apart(pairs, reach, settings.max_together))
    pairs = pairs.where(_beyond_parts(pairs, reach))
    pairs = pairs.where(_across_categories(pairs, reach))
    pairs = pairs.where(_meant(pairs))
    return pairs.where(_whole(pairs, reach.terms))


def _significant(p_values: np.ndarray, num_tests: int, rate: float) -> np.ndarray:
    """Benjamini and Hochberg (1995): which of the tests to believe at a false discovery rate.

    Args:
      p_values: of the tests that may be believed.
      num_tests: all tests made; the others count as not passed.
      rate: share of believed ones that may be wrong.
    """
    if not len(p_values):
        return np.zeros(0, bool)
    ranked = np.sort(p_values)
    passing = np.flatnonzero(ranked <= rate * np.arange(1, len(ranked) + 1) / num_tests)
    return p_values <= (ranked[passing[-1]] if len(passing) else -1.0)


def _lower_bound(successes: np.ndarray, trials: np.ndarray) -> np.ndarray:
    """Wilson's (1927) lower bound of a share, one-sided at 95 percent."""
    share, z_squared = successes / trials, 1.645 ** 2
    spread = np.sqrt(z_squared * (share * (1 - share) / trials + z_squared / (4 * trials ** 2)))
    return (share + z_squared / (2 * trials) - spread) / (1 + z_squared / trials)


def _apart(pairs: Pairs, reach: QueryReach, max_together: float) -> np.ndarray:
    """Whether the two of each pair are neither part of each other nor often side by side."""
    as_term = np.array([reach.terms.number_of_text.get(text, -1)
                        for _, text in reach.products.values], np.int64)
    held, said = holding(reach.products).tocsc(), reach.said.tocsc()
    apart = np.ones(len(pairs.terms), bool)
    for at, (term, value) in enumerate(zip(pairs.terms, pairs.values)):
        words, others = (set(table.values[number][1].split(" ")) for table, number in (
            (reach.terms, term), (reach.products, value)))
        apart[at] = not (words <= others or others <= words) \
            and _together(held, reach.terms_as_values[term], value) <= max_together \
            and _together(said, term, as_term[value]) <= max_together
    return apart


def _together(held: sparse.csc_matrix, one: int, other: int) -> float:
    """Share of the rarer column's rows that are the other's too."""
    if min(one, other) < 0:
        return 0.0
    rows = [_column(held, column) for column in (one, other)]
    rarer = min(map(len, rows))
    return len(np.intersect1d(*rows, assume_unique=True)) / rarer if rarer else 0.0


def _beyond_parts(pairs: Pairs, reach: QueryReach) -> np.ndarray:
    """Whether each term reaches the value far more surely than a category in it does elsewhere.

    'new sink' reaches 'kitchen sink', but so do other sinks.
    """
    category = reach.of_type(CATEGORY)
    said, reached = reach.said.tocsc(), reach.reached.tocsc()
    shares, kept = pairs.shares(), np.ones(len(pairs.terms), bool)
    for at, (term, value) in enumerate(zip(pairs.terms, pairs.values)):
        for word in reach.terms.values[term][1].split(" "):
            part = reach.terms.number_of_text.get(word, term)
            if part != term and category[part]:
                others = np.setdiff1d(_column(said, part), _column(said, term))
                meeting = np.intersect1d(others, _column(reached, value), assume_unique=True)
                kept[at] &= 2 * len(meeting) <= shares[at] * len(others)
    return kept


def _across_categories(pairs: Pairs, reach: QueryReach) -> np.ndarray:
    """Whether each term is said for different categories, unless it stands for one.

    Within one category everything goes together with what is usual there: 'air filter' with
    'wall mounted', 'winter' with 'down'.
    """
    category = reach.of_type(CATEGORY)
    said_by_term, reached = reach.said.tocsc(), reach.reached.tocsc()
    kept = np.ones(len(pairs.terms), bool)
    for at, (term, value) in enumerate(zip(pairs.terms, pairs.values)):
        if reach.products.values[value][0] == CATEGORY:
            continue
        rows = np.intersect1d(_column(said_by_term, term), _column(reached, value),
                              assume_unique=True)
        named = reach.said[rows].indices
        counts = np.bincount(named[category[named]])
        kept[at] = counts.max() * 2 <= len(rows) if len(counts) else False
    return kept


def _column(matrix: sparse.csc_matrix, column: int) -> np.ndarray:
    return matrix.indices[matrix.indptr[column]:matrix.indptr[column + 1]]


def _meant(pairs: Pairs) -> np.ndarray:
    """For each term its one pair: the rarest value among those that it reaches most surely.

    'dog rope' reaches 'leash' as surely as 'dog leash', and means the latter.
    """
    shares = pairs.shares()
    highest = np.zeros(int(pairs.terms.max(initial=-1)) + 1)
    np.maximum.at(highest, pairs.terms, shares)
    near = shares >= _NEARLY_AS_SURE * highest[pairs.terms] if len(shares) else np.zeros(0, bool)
    order = np.lexsort((pairs.values, -shares, pairs.reaching, ~near, pairs.terms))
    first = np.unique(pairs.terms[order], return_index=True)[1]
    meant = np.zeros(len(pairs.terms), bool)
    meant[order[first]] = True
    return meant


def _whole(pairs: Pairs, terms: ValueTable) -> np.ndarray:
    """Leaves out words that say nothing outside of an accepted phrase ('flask' in 'drink flask'),
    and phrases of which an accepted word says as much by itself."""
    drawn = dict(zip(pairs.terms.tolist(), pairs.drawn.tolist()))
    dropped = set()
    for term in drawn:
        for word in terms.values[term][1].split(" "):
            part = terms.number_of_text.get(word, term)
            if part != term and part in drawn:
                dropped.add(term if drawn[part] >= 1.5 * drawn[term] else part)
    return np.array([term not in dropped for term in pairs.terms.tolist()], bool)


def _merges(pairs: Pairs, reach: QueryReach) -> Iterator[Merge]:
    """A term that more products have than the value is no other name of it, but a wider one."""
    for term, value, queries, p_value in zip(pairs.terms, pairs.values, pairs.both,
                                             pairs.p_values()):
        source, (attribute, target) = reach.terms.values[term][1], reach.products.values[value]
        number, sizes = reach.terms_as_values[term], reach.products.sizes
        if number < 0 or sizes[number] <= sizes[value]:
            yield Merge(source, target, attribute, "learned", int(queries), float(p_value))
