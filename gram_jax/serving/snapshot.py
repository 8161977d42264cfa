"""A snapshot: everything that answers queries, of one digest, in one folder.

Needs no training stack: parameters, index, vocabulary, scoring head and titles.
"""

import dataclasses
import functools
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from gram_jax.core.errors import ArtifactError, ConfigError
from gram_jax.core.records import Query
from gram_jax.models.code_score import CodeScoreParams
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params, digest_params, load_params, save_params
from gram_jax.retrieval.generative import GenerativeRetriever
from gram_jax.retrieval.index import RetrievalIndex, load_index, save_index
from gram_jax.retrieval.scoring import ScoringHead
from gram_jax.text.vocabulary import SentencePieceVocabulary


@dataclasses.dataclass(frozen=True)
class SearchSettings:
    """Sizes of the compiled search programs.

    Args:
      beam_size: codes a query.
      batch_size: queries answered together; fewer take a smaller program (`programs.Buckets`).
      max_query_length: tokens of a query with its prefix, EOS included; shorter ones likewise.
      num_products: products a query; a request for more compiles a program of its own.
    """

    beam_size: int = 10
    batch_size: int = 16
    max_query_length: int = 24
    num_products: int = 300

    def __post_init__(self):
        for field in dataclasses.fields(self):
            if getattr(self, field.name) < 1:
                raise ConfigError(f"SearchSettings.{field.name} must be positive, "
                                  f"not {getattr(self, field.name)}")


@dataclasses.dataclass(frozen=True)
class FoundProduct:
    """One line of an answer."""

    rank: int
    product_id: str
    title: str
    score: float
    code: str
    granularity: str


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a query found, and the codes it was found through with their log-probabilities."""

    query: str
    codes: tuple[tuple[str, float], ...]
    products: tuple[FoundProduct, ...]


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """What serves: params and index of one digest, with all that turns text into products."""

    config: ModelConfig
    params: Params
    vocabulary: SentencePieceVocabulary
    index: RetrievalIndex
    scoring: ScoringHead
    search: SearchSettings
    titles: Mapping[str, str]

    @functools.cached_property
    def retriever(self) -> GenerativeRetriever:
        """The retriever over this snapshot; a program compiles at its first use, or by `warm`."""
        return GenerativeRetriever(
            self.config, self.params, self.index, self.vocabulary, head=self.scoring.head,
            score_params=self.scoring.params, reduce=self.scoring.reduce,
            **dataclasses.asdict(self.search))

    def answer(self, query: Query, *, k: int) -> Answer:
        """Answers one query with at most `k` products, best first."""
        retriever = self.retriever
        retriever.warm("lone", k=k)
        ((beams, ranked),) = retriever.answers([query], k=k)
        return Answer(query.text, tuple(zip(beams.codes, map(float, beams.log_probs))), tuple(
            FoundProduct(rank, found.product_id, self.titles[found.product_id], found.score,
                         found.code, found.granularity)
            for rank, found in enumerate(retriever.explain(ranked), start=1)))


def save_snapshot(folder: Path, snapshot: Snapshot) -> None:
    """Writes the snapshot into an empty folder."""
    save_params(folder / "params.npz", snapshot.params)
    save_index(folder / "index", snapshot.index)
    (folder / "vocabulary.model").write_bytes(snapshot.vocabulary.model_bytes)
    _write_json(folder / "titles.json", dict(snapshot.titles))
    _write_json(folder / "snapshot.json", {
        "model": dataclasses.asdict(snapshot.config),
        "search": dataclasses.asdict(snapshot.search),
        "scoring": {
            "head": snapshot.scoring.head,
            "reduce": snapshot.scoring.reduce,
            "granularity_weights": np.asarray(snapshot.scoring.params.granularity_weights).tolist(),
            "granularity_bias": np.asarray(snapshot.scoring.params.granularity_bias).tolist(),
        },
        "vocabulary_digest": snapshot.vocabulary.digest,
    })


def load_snapshot(folder: Path) -> Snapshot:
    """Reads what `save_snapshot` wrote.

    Raises:
      ArtifactError: a part is missing, damaged, or belongs to another snapshot.
    """
    try:
        fields = json.loads((folder / "snapshot.json").read_text(encoding="utf-8"))
        titles = json.loads((folder / "titles.json").read_text(encoding="utf-8"))
        config = ModelConfig(**fields["model"])
        scoring = fields["scoring"]
        search = SearchSettings(**fields["search"])
        score_params = CodeScoreParams(
            np.asarray(scoring["granularity_weights"], np.float32),
            np.asarray(scoring["granularity_bias"], np.float32))
        expected_vocabulary = fields["vocabulary_digest"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{folder} is not a whole snapshot: {error!r}. "
                            "Run the stage 'index' again.") from error
    vocabulary = SentencePieceVocabulary.load(folder / "vocabulary.model")
    if vocabulary.digest != expected_vocabulary:
        raise ArtifactError(f"{folder}: vocabulary.model is not the one the snapshot was made "
                            "with. Run the stage 'index' again.")
    params = load_params(folder / "params.npz", config)
    index = load_index(folder / "index", params_digest=digest_params(params))
    return Snapshot(config, params, vocabulary, index,
                    ScoringHead(scoring["head"], scoring["reduce"], score_params), search, titles)


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
