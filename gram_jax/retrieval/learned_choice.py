"""Fits the learned head with each set of features and chooses its settings on held-out queries.

The same head is fitted without the lexical features, and without embeddings too, so that it can be
told what the codes alone give. Knows searched queries; nothing of the other heads.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import jax
import numpy as np

from gram_jax.core.runs import Qrels
from gram_jax.models.learned_score import (
    FEATURE_GROUPS,
    LEARNED,
    LearnedScoreParams,
    features_of,
)
from gram_jax.retrieval.candidate_lists import collect_lists
from gram_jax.retrieval.device_index import DeviceIndex, device_index
from gram_jax.retrieval.head_figures import HeadFigures, mean_of_figures
from gram_jax.retrieval.index import RetrievalIndex
from gram_jax.retrieval.learned_fitting import (
    LearnedFitSettings,
    fit_learned_score,
    initial_maps,
)
from gram_jax.retrieval.learned_judge import LearnedJudge
from gram_jax.retrieval.scoring import ScoringHead
from gram_jax.retrieval.searched import SearchedBatch

FEATURE_SETS: tuple[tuple[str, ...], ...] = (
    ("code", "embedding", "lexical"), ("code", "embedding"), ("code",))
"""Groups of features that a head is fitted with, each set on its own."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LearnedHeadSettings:
    """How the learned head is built.

    Args:
      groups: of features that the head that serves may use; heads with fewer are fitted beside it.
      num_scored: products of a query that are scored; see `LearnedScoreParams`.
      embedding_size: numbers held of a product's embedding.
      num_candidates: candidates of a train query that are learned from.
      fits: settings to try; the best on the tune queries, with all `groups`, is taken for all.
    """

    groups: tuple[str, ...] = tuple(FEATURE_GROUPS)
    num_scored: int = 2048
    embedding_size: int = 64
    num_candidates: int = 512
    fits: tuple[LearnedFitSettings, ...] = (
        LearnedFitSettings(hidden_size=0), LearnedFitSettings(hidden_size=16),
        LearnedFitSettings(hidden_size=32, weight_decay=0.1))


def try_learned_heads(index: RetrievalIndex, train: Sequence[SearchedBatch],
                      tune: Sequence[SearchedBatch], gains: Mapping[str, Mapping[int, float]],
                      tune_qrels: Qrels, settings: LearnedHeadSettings, *, beam_size: int, k: int,
                      seed: int = 0) -> list[HeadFigures]:
    """Every fit and how it did.

    Args:
      index: with product features.
      train: queries to fit on.
      tune: queries to judge by.
      gains: query_id of a train query -> product index -> gain, above 0.
      tune_qrels: grades of tune queries.
      settings: of the heads.
      beam_size: codes of a query that there is room for.
      k: products a query.
      seed: of the fits.
    """
    on_device = _with_all_features(index, train, settings, beam_size=beam_size, seed=seed)
    lists = collect_lists(on_device, train, gains, num_products=k,
                          num_candidates=settings.num_candidates, seed=seed)
    judge = LearnedJudge.of_searched(index, on_device, tune, tune_qrels, k=k)

    def fit(groups: Sequence[str], how: LearnedFitSettings) -> HeadFigures:
        found = fit_learned_score(
            lists, index.product_features.embeddings, features_of(groups),
            on_device.score_params.maps, lambda params: mean_of_figures(judge.figures(params)),
            num_scored=settings.num_scored, settings=how, seed=seed)
        described = ", ".join(f"{name} {value:g}" for name, value in (
            ("hidden", how.hidden_size), ("decay", how.weight_decay)))
        return HeadFigures(
            f"{LEARNED} ({', '.join(groups)}), {described}", "_".join((LEARNED, *groups)),
            ScoringHead(LEARNED, None, found.params), judge.figures(found.params),
            dataclasses.asdict(how) | {"losses": found.losses, "judgements": found.judgements,
                                       "queries": lists.num_queries})

    tried = [fit(settings.groups, how) for how in settings.fits]
    best = max(range(len(tried)), key=lambda i: mean_of_figures(tried[i].figures))
    others = [groups for groups in FEATURE_SETS if set(groups) < set(settings.groups)]
    return tried + [fit(groups, settings.fits[best]) for groups in others]


def _with_all_features(index: RetrievalIndex, train: Sequence[SearchedBatch],
                       settings: LearnedHeadSettings, *, beam_size: int,
                       seed: int) -> DeviceIndex:
    """The index under a head that reads the features of all groups and weighs none."""
    names, features = features_of(settings.groups), index.product_features
    maps = None
    if "embedding" in settings.groups:
        queries = [batch.side.embeddings[:len(batch.queries)] for batch in train]
        maps = initial_maps(
            features.embeddings, np.concatenate(queries or [np.zeros((0, 1), np.float32)]),
            size=min(settings.embedding_size, features.embeddings.shape[1]), seed=seed)
    start = LearnedScoreParams.initial(
        names, hidden_size=0, num_scored=settings.num_scored, mean=np.zeros(len(names)),
        scale=np.ones(len(names)), maps=maps)
    return jax.device_put(device_index(index, ScoringHead(LEARNED, None, start),
                                       beam_size=beam_size))
