"""Fits the learned head with each set of features and chooses its settings on held-out queries.

The same head is fitted without the lexical features, and without embeddings too, so that it can be
told what the codes alone give. Knows searched queries; nothing of the other heads.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import jax
import numpy as np

from gram_jax.core.runs import Qrels, RankedList
from gram_jax.models.learned_score import (
    FEATURE_GROUPS,
    LEARNED,
    LearnedScoreParams,
    features_of,
)
from gram_jax.retrieval.candidate_lists import CandidateLists, collect_lists
from gram_jax.retrieval.device_index import DeviceIndex, device_index
from gram_jax.retrieval.head_figures import HeadFigures, head_figures, mean_of_figures
from gram_jax.retrieval.index import RetrievalIndex
from gram_jax.retrieval.learned_fitting import (
    LearnedFitSettings,
    fit_learned_score,
    initial_maps,
)
from gram_jax.retrieval.learned_shortlist import learned_shortlist
from gram_jax.retrieval.product_arrays import with_maps
from gram_jax.retrieval.ranked_lists import ranked_lists
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
    trial = _Trial.begin(index, train, tune, gains, tune_qrels, settings, beam_size, k, seed)
    tried = [trial.fit(settings.groups, fit) for fit in settings.fits]
    best = max(range(len(tried)), key=lambda i: mean_of_figures(tried[i].figures))
    others = [groups for groups in FEATURE_SETS if set(groups) < set(settings.groups)]
    return tried + [trial.fit(groups, settings.fits[best]) for groups in others]


@dataclasses.dataclass(frozen=True, eq=False)
class _Trial:
    """What all fits share."""

    index: RetrievalIndex
    on_device: DeviceIndex
    lists: CandidateLists
    tune: Sequence[SearchedBatch]
    tune_qrels: Qrels
    settings: LearnedHeadSettings
    k: int
    seed: int

    @classmethod
    def begin(cls, index, train, tune, gains, tune_qrels, settings, beam_size, k, seed) -> "_Trial":
        """Computes the features of all groups once."""
        names = features_of(settings.groups)
        maps = None
        if "embedding" in settings.groups:
            queries = [batch.side.embeddings[:len(batch.queries)] for batch in train]
            features = index.product_features
            maps = initial_maps(
                features.embeddings, np.concatenate(queries or [np.zeros((0, 1), np.float32)]),
                size=min(settings.embedding_size, features.embeddings.shape[1]), seed=seed)
        start = LearnedScoreParams.initial(
            names, hidden_size=0, num_scored=settings.num_scored, mean=np.zeros(len(names)),
            scale=np.ones(len(names)), maps=maps)
        on_device = jax.device_put(device_index(index, ScoringHead(LEARNED, None, start),
                                                beam_size=beam_size))
        lists = collect_lists(on_device, train, gains, num_products=k,
                              num_candidates=settings.num_candidates, seed=seed)
        return cls(index, on_device, lists, tune, tune_qrels, settings, k, seed)

    def fit(self, groups: Sequence[str], fit: LearnedFitSettings) -> HeadFigures:
        """The head with these features."""
        found = fit_learned_score(
            self.lists, self.index.product_features.embeddings, features_of(groups),
            self.on_device.score_params.maps, lambda params: mean_of_figures(self.figures(params)),
            num_scored=self.settings.num_scored, settings=fit, seed=self.seed)
        family = "_".join((LEARNED, *groups))
        described = ", ".join(f"{name} {value:g}" for name, value in (
            ("hidden", fit.hidden_size), ("decay", fit.weight_decay)))
        return HeadFigures(
            f"{LEARNED} ({', '.join(groups)}), {described}", family,
            ScoringHead(LEARNED, None, found.params), self.figures(found.params),
            dataclasses.asdict(fit) | {"losses": found.losses, "judgements": found.judgements,
                                       "queries": self.lists.num_queries})

    def figures(self, params: LearnedScoreParams) -> dict[str, float]:
        """How the tune queries are answered with these parameters, by the code that serves."""
        index = dataclasses.replace(
            self.on_device, score_params=params, products=with_maps(
                self.on_device.products, self.index.product_features, params.maps))
        ranked: list[RankedList] = []
        for batch in self.tune:
            found = jax.device_get(_shortlist(index, batch.beams, batch.side, num_products=self.k))
            ranked += ranked_lists(batch.queries, *found, self.index.code_table)
        return head_figures(ranked, self.tune_qrels)


_shortlist = jax.jit(learned_shortlist, static_argnames="num_products")
