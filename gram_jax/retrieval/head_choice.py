"""Chooses how products are scored, on queries that were never trained on.

Method section 4: the score as published and the plain one stand beside each other, each as it
starts and with fitted weights, and the stronger head decides.
"""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

from gram_jax.core.protocols import Vocabulary
from gram_jax.core.records import Click, Query
from gram_jax.core.runs import Qrels, RankedList, Run
from gram_jax.evaluation.metrics import MEASURES, mean_figures, query_figures
from gram_jax.models.code_score import HEADS, CodeScoreParams
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params
from gram_jax.retrieval.candidates import Candidates, gather_candidates
from gram_jax.retrieval.generative import GenerativeRetriever
from gram_jax.retrieval.index import RetrievalIndex
from gram_jax.retrieval.query_beams import QueryBeams
from gram_jax.retrieval.score_fitting import ScoreFit, collect_pairs, fit_code_score
from gram_jax.retrieval.scoring import REDUCES, ScoringHead, rank_candidates


@dataclasses.dataclass(frozen=True)
class HeadFigures:
    """A way to score products and how it did on the held-out queries."""

    name: str
    scoring: ScoringHead
    figures: Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class HeadChoice:
    """The chosen way, every way that was tried (the best first), and each head's fit."""

    scoring: ScoringHead
    tried: tuple[HeadFigures, ...]
    fits: Mapping[str, ScoreFit]


def choose_head(config: ModelConfig, params: Params, index: RetrievalIndex, vocabulary: Vocabulary,
                *, train_queries: Sequence[Query], clicks: Iterable[Click],
                tune_queries: Sequence[Query], tune_qrels: Qrels,
                heads: Sequence[str] = tuple(HEADS), beam_size: int = 10, batch_size: int = 16,
                max_query_length: int = 24, k: int = 300, seed: int = 0,
                progress=lambda iterable, description, total: iterable) -> HeadChoice:
    """Fits each head on clicks and keeps the best of all on the tune queries.

    Best is the highest recall@300, then recall@100, then ndcg@10; recalls that agree to three
    decimals count as equal.

    Args:
      config: sizes of the model.
      params: its parameters.
      index: built with these parameters.
      vocabulary: of the model.
      train_queries: to fit on; a thousand or two are plenty.
      clicks: on these queries; others are ignored.
      tune_queries: to choose on.
      tune_qrels: their grades.
      heads: names in `models.code_score.HEADS`.
      beam_size: codes a query.
      batch_size: queries searched together.
      max_query_length: tokens kept of a query with its prefix, EOS included.
      k: products a query.
      seed: of the draws of pairs.
      progress: shown over the queries.
    """
    start = ScoringHead()
    searcher = GenerativeRetriever(
        config, params, index, vocabulary, head=start.head, reduce=start.reduce,
        score_params=start.params, beam_size=beam_size, batch_size=batch_size,
        max_query_length=max_query_length, num_products=k)
    searcher.warm("batch")
    train = progress(train_queries, "search train queries", len(train_queries))
    pairs = collect_pairs((([found.query_id for found in beams], candidates)
                           for beams, candidates in _batches(searcher, index, train, batch_size)),
                          _clicked(index, clicks), seed=seed)
    fits = {head: fit_code_score(head, pairs, seed=seed) for head in heads}
    ways = {f"{head}, {reduce}, {state}": ScoringHead(head, reduce, weights)
            for head in heads for reduce in REDUCES
            for state, weights in (("initial", CodeScoreParams.initial()),
                                   ("fitted", fits[head].params))}

    ranked: dict[str, list[RankedList]] = {name: [] for name in ways}
    tune = progress(tune_queries, "choose a scoring head", len(tune_queries))
    for beams, candidates in _batches(searcher, index, tune, batch_size):
        for name, scoring in ways.items():
            ranked[name] += rank_candidates(index, beams, candidates, scoring, k=k)
    measures = {name: MEASURES[name] for name in ("recall@300", "recall@100", "recall@10",
                                                  "ndcg@10")}
    tried = sorted((HeadFigures(name, scoring, mean_figures(query_figures(
        Run(name, tuple(ranked[name])), tune_qrels, measures))) for name, scoring in ways.items()),
        key=_merit, reverse=True)
    return HeadChoice(tried[0].scoring, tuple(tried), fits)


def _merit(tried: HeadFigures) -> tuple[float, ...]:
    figures = tried.figures
    return round(figures["recall@300"], 3), round(figures["recall@100"], 3), figures["ndcg@10"]


def _batches(searcher: GenerativeRetriever, index: RetrievalIndex, queries: Iterable[Query],
             batch_size: int) -> Iterator[tuple[list[QueryBeams], Candidates]]:
    found = searcher.beams(queries)
    while beams := list(itertools.islice(found, batch_size)):
        yield beams, gather_candidates(index, beams)


def _clicked(index: RetrievalIndex, clicks: Iterable[Click]) -> dict[str, set[int]]:
    """query_id -> product indices."""
    place_of = {product_id: place for place, product_id in enumerate(index.code_table.product_ids)}
    clicked: dict[str, set[int]] = {}
    for click in clicks:
        clicked.setdefault(click.query_id, set()).add(place_of[click.product_id])
    return clicked
