"""Chooses how products are scored, on queries that were never trained on.

Method section 4: the score as published and the plain one stand beside each other, each as it
starts and with fitted weights, beside them the learned head, and the stronger head decides.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from gram_jax.core.protocols import Vocabulary
from gram_jax.core.records import Click, Query
from gram_jax.core.runs import Qrels, RankedList
from gram_jax.models.code_score import HEADS, CodeScoreParams
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params
from gram_jax.retrieval.candidates import gather_candidates
from gram_jax.retrieval.generative import GenerativeRetriever
from gram_jax.retrieval.head_figures import HeadFigures, head_figures, merit
from gram_jax.retrieval.index import RetrievalIndex
from gram_jax.retrieval.learned_choice import LearnedHeadSettings, try_learned_heads
from gram_jax.retrieval.score_fitting import ScoreFit, collect_pairs, fit_code_score
from gram_jax.retrieval.scoring import REDUCES, ScoringHead, rank_candidates
from gram_jax.retrieval.searched import SearchedBatch, search_batches


@dataclasses.dataclass(frozen=True)
class HeadChoice:
    """The chosen way, every way that was tried (the best first), and each plain head's fit."""

    scoring: ScoringHead
    tried: tuple[HeadFigures, ...]
    fits: Mapping[str, ScoreFit]

    @property
    def best_of_families(self) -> dict[str, HeadFigures]:
        """Of each family the best way."""
        return {way.family: way for way in reversed(self.tried)}


def choose_head(config: ModelConfig, params: Params, index: RetrievalIndex, vocabulary: Vocabulary,
                *, train_queries: Sequence[Query], clicks: Iterable[Click],
                tune_queries: Sequence[Query], tune_qrels: Qrels,
                heads: Sequence[str] = tuple(HEADS),
                learned: LearnedHeadSettings | None = None, beam_size: int = 10,
                batch_size: int = 16, max_query_length: int = 24, k: int = 300, seed: int = 0,
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
      learned: of the learned head; None leaves it out.
      beam_size: codes a query.
      batch_size: queries searched together.
      max_query_length: tokens kept of a query with its prefix, EOS included.
      k: products a query.
      seed: of the draws of pairs and of the learned head.
      progress: shown over the queries.
    """
    start = ScoringHead()
    searcher = GenerativeRetriever(
        config, params, index, vocabulary, head=start.head, reduce=start.reduce,
        score_params=start.params, beam_size=beam_size, batch_size=batch_size,
        max_query_length=max_query_length, num_products=k)
    searcher.warm("batch")

    def search(queries: Sequence[Query], description: str) -> list[SearchedBatch]:
        return list(search_batches(
            searcher.beams, config, params, vocabulary,
            progress(queries, description, len(queries)), beam_size=beam_size,
            code_length=index.trie.max_depth, batch_size=batch_size,
            max_query_length=max_query_length))

    train = search(train_queries, "search train queries")
    tune = search(tune_queries, "search tune queries")
    clicked = _clicked(index, clicks)
    pairs = collect_pairs((([found.query_id for found in batch.found],
                            gather_candidates(index, batch.found)) for batch in train),
                          clicked, seed=seed)
    fits = {head: fit_code_score(head, pairs, seed=seed) for head in heads}
    tried = _try_plain_heads(index, tune, tune_qrels, fits, k=k)
    if learned is not None:
        gains = {query_id: {product: float(np.log2(1 + weight)) for product, weight in row.items()}
                 for query_id, row in clicked.items()}
        tried += try_learned_heads(index, train, tune, gains, tune_qrels, learned,
                                   beam_size=beam_size, k=k, seed=seed)
    tried.sort(key=merit, reverse=True)
    return HeadChoice(tried[0].scoring, tuple(tried), fits)


def _try_plain_heads(index: RetrievalIndex, tune: Sequence[SearchedBatch], tune_qrels: Qrels,
                     fits: Mapping[str, ScoreFit], *, k: int) -> list[HeadFigures]:
    """Each head with each reduce, as it starts and with its fitted weights."""
    ways = {f"{head}, {reduce}, {state}": ScoringHead(head, reduce, weights)
            for head in fits for reduce in REDUCES
            for state, weights in (("initial", CodeScoreParams.initial()),
                                   ("fitted", fits[head].params))}
    ranked: dict[str, list[RankedList]] = {name: [] for name in ways}
    for batch in tune:
        candidates = gather_candidates(index, batch.found)
        for name, scoring in ways.items():
            ranked[name] += rank_candidates(index, batch.found, candidates, scoring, k=k)
    return [HeadFigures(name, scoring.head, scoring, head_figures(ranked[name], tune_qrels))
            for name, scoring in ways.items()]


def _clicked(index: RetrievalIndex, clicks: Iterable[Click]) -> dict[str, dict[int, float]]:
    """query_id -> product index -> weight."""
    place_of = {product_id: place for place, product_id in enumerate(index.code_table.product_ids)}
    clicked: dict[str, dict[int, float]] = {}
    for click in clicks:
        row, product = clicked.setdefault(click.query_id, {}), place_of[click.product_id]
        row[product] = row.get(product, 0.0) + click.weight
    return clicked
