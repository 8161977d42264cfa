"""Methods compared on the same queries: figures, intervals, tests, slices, examples.

Knows runs, grades and what it is told of costs; no retriever, no shop, no way of showing anything.
Index glossary: `method` counts the runs given, `measure` the measures, `query` the evaluated
queries (those with a relevant product).
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from gram_jax.core.runs import Qrels, Run
from gram_jax.evaluation.bootstrap import mean_intervals
from gram_jax.evaluation.comparison.answers import Answers, Judged, answers_of_run
from gram_jax.evaluation.comparison.array_figures import answer_figures, recall_curve
from gram_jax.evaluation.comparison.disagreements import Disagreements, Shelf, disagreements
from gram_jax.evaluation.comparison.model_relevance import ModelRelevance
from gram_jax.evaluation.comparison.slices import SliceFamily
from gram_jax.evaluation.metrics import MEASURES
from gram_jax.evaluation.significance import NUM_SAMPLES, holm, randomisation_p_values

COMPARED: Mapping[str, str] = {**MEASURES, "judged@10": "Judged@10"}
"""The measures of a comparison: those of every report, and how much of it people judged."""

RELR_OF_MODEL = "relr (model)"


@dataclasses.dataclass(frozen=True)
class MethodCosts:
    """What a method costs, and its share of invalid codes; None where that is not known.

    Args:
      ms_per_query: milliseconds.
      index_bytes_per_product: what is read to answer queries, by product of the catalogue.
      training_minutes: from data to what answers, tuning included.
      invalid_code_share: of the generated codes those that the catalogue does not have; None for a
        method without codes.
      note: one line on how the method was set.
    """

    ms_per_query: float | None = None
    index_bytes_per_product: float | None = None
    training_minutes: float | None = None
    invalid_code_share: float | None = None
    note: str = ""


@dataclasses.dataclass(frozen=True)
class SamplingSettings:
    """How differences are tested and intervals are drawn.

    Args:
      confidence: of intervals.
      num_swaps: random swaps of the paired randomisation test.
      num_draws: bootstrap draws.
      num_draws_of_slices: the same on each slice, where there are many.
      seed: of both.
    """

    confidence: float = 0.95
    num_swaps: int = NUM_SAMPLES
    num_draws: int = 2000
    num_draws_of_slices: int = 1000
    seed: int = 0


@dataclasses.dataclass(frozen=True, eq=False)
class SliceFigures:
    """Every figure on each slice of one family; slices without queries are left out.

    `difference_low` and `difference_high` are the ends of the bootstrap interval of the difference
    to the baseline, 0 for the baseline itself.
    """

    name: str
    explanation: str
    overlapping: bool
    slices: tuple[str, ...]
    num_queries: np.ndarray  # int64 [slices]
    means: np.ndarray  # float64 [slices, methods, measures]
    difference_low: np.ndarray  # float64 [slices, methods, measures]
    difference_high: np.ndarray  # float64 [slices, methods, measures]


@dataclasses.dataclass(frozen=True, eq=False)
class Comparison:
    """What `compare_answers` found."""

    methods: tuple[str, ...]
    baseline: int
    measures: Mapping[str, str]  # our names -> how they are defined
    headline: str  # the measure of slices, tests and examples where only one is shown
    query_ids: tuple[str, ...]
    figures: np.ndarray  # float64 [methods, measures, queries]
    low: np.ndarray  # float64 [methods, measures]: bootstrap interval of the mean
    high: np.ndarray  # float64 [methods, measures]
    difference_low: np.ndarray  # float64 [methods, measures]: of the difference to the baseline
    difference_high: np.ndarray  # float64 [methods, measures]
    p_values: np.ndarray  # float64 [methods, methods, measures]
    corrected: np.ndarray  # float64 [methods, methods, measures]: by Holm, over all pairs
    num_products: np.ndarray  # float64 [methods]: distinct products a query, the mean
    depth: int  # the longest list of any method
    curves: tuple[np.ndarray, ...]  # float64 [k] each: mean recall of the first 1, 2, ... products
    costs: tuple[MethodCosts, ...]
    slices: tuple[SliceFigures, ...]
    disagreements: tuple[Disagreements, ...]
    settings: SamplingSettings

    @property
    def means(self) -> np.ndarray:
        """The mean figure of each method and measure: float64 [methods, measures]."""
        return self.figures.mean(axis=2)

    def place(self, measure: str) -> int:
        """The number of a measure."""
        return list(self.measures).index(measure)

    def outcomes(self, measure: str) -> np.ndarray:
        """Queries on which each method is better than, equal to, worse than the baseline.

        Returns:
          int64 [methods, 3].
        """
        figures = self.figures[:, self.place(measure)]
        off = figures - figures[self.baseline]
        equal = np.abs(off) < 1e-9
        return np.stack([(off > 0) & ~equal, equal, (off < 0) & ~equal], axis=1).sum(axis=2)


def compare_runs(runs: Sequence[Run], qrels: Qrels, *,
                 relevance: Mapping[str, Mapping[str, float]] | None = None,
                 **options) -> Comparison:
    """`compare_answers` for runs in memory.

    Args:
      runs: of the methods, named apart; queries without a relevant product are left out, one that
        a run does not answer counts 0 there.
      qrels: grades.
      relevance: query_id -> product_id -> what a relevance model gives the pair, for RelR.
      **options: see `compare_answers`.

    Raises:
      ValueError: see `compare_answers` and `Judged.of`.
    """
    judged = Judged.of(qrels)
    answers = [answers_of_run(run, judged) for run in runs]
    scored = None if relevance is None else ModelRelevance.of(relevance, judged)
    return compare_answers(answers, judged, relevance=scored, **options)


def compare_answers(answers: Sequence[Answers], judged: Judged, *, baseline: str | None = None,
                    costs: Mapping[str, MethodCosts] | None = None,
                    measures: Mapping[str, str] = COMPARED, headline: str = "ndcg@10",
                    relevance: ModelRelevance | None = None,
                    slices: Sequence[SliceFamily] = (), shelf: Shelf | None = None,
                    settings: SamplingSettings | None = None) -> Comparison:
    """Compares methods on the evaluated queries.

    Every pair of methods is tested on every measure; Holm's correction is over all pairs, one
    measure at a time.

    Args:
      answers: of the methods, named apart.
      judged: the queries and grades that they were read for.
      baseline: the method that the others are held against; the first where None.
      costs: method -> what it costs.
      measures: our names -> ir_measures' names.
      headline: the measure that examples are chosen by and that reports show first.
      relevance: what a relevance model says, for the paper's RelR.
      slices: kinds of queries.
      shelf: the texts to show examples with; none are looked for where None.
      settings: of tests and intervals.

    Raises:
      ValueError: two methods have one name; the baseline or a method of `costs` is none of them;
        the headline is none of the measures.
    """
    settings = settings or SamplingSettings()
    names = tuple(answer.name for answer in answers)
    baseline = names[0] if baseline is None and names else baseline
    _check(names, baseline, costs or {}, measures, headline)
    figures, curves = [], []
    for answer in answers:
        found = judged.grades_of(answer.products)
        rows = answer_figures(answer, found, judged, measures)
        if relevance is not None:
            rows = np.vstack([rows, relevance.share(answer, judged)])
        figures.append(rows)
        curves.append(recall_curve(found, judged))
    figures = np.stack(figures)
    if relevance is not None:
        measures = {**measures, RELR_OF_MODEL: f"the share of the first {relevance.depth} products "
                                               "that the relevance model calls relevant"}
    at = names.index(baseline)
    p_values = randomisation_p_values(figures.transpose(0, 2, 1), num_samples=settings.num_swaps,
                                      seed=settings.seed)
    examples = () if shelf is None else tuple(
        disagreements(answer, answers[at], figures[method], figures[at],
                      list(measures).index(headline), judged, shelf)
        for method, answer in enumerate(answers) if method != at)
    return Comparison(
        names, at, dict(measures), headline, judged.query_ids, figures,
        *_intervals(figures, at, settings), p_values, _corrected(p_values),
        np.array([answer.lengths.mean() for answer in answers]),
        max(answer.products.shape[1] for answer in answers), tuple(curves),
        tuple((costs or {}).get(name, MethodCosts()) for name in names),
        tuple(_slice_figures(family, figures, at, settings) for family in slices), examples,
        settings)


def _check(names, baseline, costs, measures, headline) -> None:
    if len(set(names)) < len(names) or not names:
        raise ValueError(f"methods need names of their own: {', '.join(names) or 'none is given'}")
    odd = [name for name in (baseline, *costs) if name not in names]
    if odd:
        raise ValueError(f"{odd[0]!r} is none of the methods {', '.join(names)}")
    if headline not in measures:
        raise ValueError(f"headline {headline!r} is none of {', '.join(measures)}")


def _intervals(figures: np.ndarray, baseline: int,
               settings: SamplingSettings) -> tuple[np.ndarray, ...]:
    """The ends of intervals of means, and of differences to the baseline: [methods, measures]."""
    both = np.stack([figures, figures - figures[baseline]])
    ends = mean_intervals(both.reshape(-1, both.shape[-1]).T, confidence=settings.confidence,
                          num_samples=settings.num_draws, seed=settings.seed)
    low, high = (end.reshape(both.shape[:-1]) for end in ends)
    return low[0], high[0], low[1], high[1]


def _corrected(p_values: np.ndarray) -> np.ndarray:
    """By Holm over all pairs of methods, for each measure."""
    corrected = np.ones_like(p_values)
    one, other = np.triu_indices(len(p_values), 1)
    for measure in range(p_values.shape[-1]):
        found = holm(p_values[one, other, measure])
        corrected[one, other, measure] = corrected[other, one, measure] = found
    return corrected


def _slice_figures(family: SliceFamily, figures: np.ndarray, baseline: int,
                   settings: SamplingSettings) -> SliceFigures:
    kept = [at for at, members in enumerate(family.members) if members.any()]
    found = [figures[:, :, family.members[at]] for at in kept]
    shape = (len(kept), *figures.shape[:2])
    means, low, high = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for at, inside in enumerate(found):
        means[at] = inside.mean(axis=2)
        off = inside - inside[baseline]
        ends = mean_intervals(off.reshape(-1, off.shape[-1]).T, confidence=settings.confidence,
                              num_samples=settings.num_draws_of_slices, seed=settings.seed)
        low[at], high[at] = (end.reshape(shape[1:]) for end in ends)
    return SliceFigures(family.name, family.explanation, family.overlapping,
                        tuple(family.slices[at] for at in kept),
                        np.array([inside.shape[-1] for inside in found], np.int64),
                        means, low, high)
