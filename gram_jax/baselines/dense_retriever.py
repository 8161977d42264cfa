"""A dual encoder as a retriever: products whose vectors are nearest to the query's.

Knows vectors of products and a search over them; nothing of how the encoder was trained.
"""

import dataclasses
import itertools
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import jax
import numpy as np

from gram_jax.baselines.dual_encoder import DualEncoder
from gram_jax.core.atomic import atomic_file
from gram_jax.core.errors import ArtifactError, ConfigError
from gram_jax.core.protocols import Retriever
from gram_jax.core.records import Query
from gram_jax.core.runs import RankedList
from gram_jax.retrieval.approximate_search import (
    EXACT_UP_TO,
    ApproximateSearch,
    GraphSettings,
    vector_search,
)
from gram_jax.retrieval.exact_search import NONE, ExactSearch, VectorSearch
from gram_jax.text.normal_form import normalize_text

_ENCODER, _VECTORS, _FIELDS, _GRAPH = "encoder", "vectors.npy", "dense.json", "graph.usearch"


class DenseRetriever(Retriever):
    """Answers queries by the inner products of vectors.

    Args:
      encoder: of queries and of products.
      vectors: float16 [products, d_model], what it says of the products.
      product_ids: the product at each place.
      search: over `vectors`; None looks at every one.
      batch_size: queries answered together.
      name: of the method in reports.

    Raises:
      ValueError: there are other products than vectors.
    """

    def __init__(self, encoder: DualEncoder, vectors: np.ndarray, product_ids: Sequence[str], *,
                 search: VectorSearch | None = None, batch_size: int = 64, name: str = "DPR"):
        if len(vectors) != len(product_ids):
            raise ValueError(f"{len(vectors)} vectors for {len(product_ids)} products")
        self.name = name
        # Parameters on the host would be sent to the device with every batch.
        self._encoder = dataclasses.replace(encoder, params=jax.device_put(encoder.params))
        self._vectors, self._product_ids = vectors, tuple(product_ids)
        self._search = ExactSearch(vectors) if search is None else search
        self._batch_size = batch_size

    @classmethod
    def build(cls, encoder: DualEncoder, product_ids: Sequence[str], texts: Sequence[str], *,
              exact_up_to: int = EXACT_UP_TO, graph: GraphSettings | None = None,
              folder: Path | None = None, batch_size: int = 64, name: str = "DPR",
              progress=lambda iterable, description, total: iterable) -> "DenseRetriever":
        """Encodes a catalogue and lays out the search over it.

        Args:
          encoder: of queries and products.
          product_ids: of the catalogue.
          texts: of its products, in their order (`codes.examples.product_text`).
          exact_up_to: so many products are searched exactly, more of them by a graph.
          graph: settings of the graph; None takes the usual ones.
          folder: where finished chunks are kept, so that a killed run goes on; None keeps none.
          batch_size: queries answered together.
          name: of the method in reports.
          progress: shown over the chunks.

        Raises:
          ConfigError: there are more products than `exact_up_to`, and usearch is not installed.
        """
        vectors = encoder.embed_products(texts, folder=folder, progress=progress)
        search = vector_search(vectors, exact_up_to=exact_up_to, settings=graph or GraphSettings())
        return cls(encoder, vectors, product_ids, search=search, batch_size=batch_size, name=name)

    def retrieve(self, queries: Iterable[Query], *, k: int) -> Iterator[RankedList]:
        """At most `k` products a query; none for a query without text."""
        queries = iter(queries)
        while batch := list(itertools.islice(queries, self._batch_size)):
            vectors = self._encoder.embed_queries([query.text for query in batch],
                                                  batch_size=self._batch_size)
            places, scores = self._search.search(vectors, k=k)
            for query, its_places, its_scores in zip(batch, places, scores):
                yield self._ranked(query, its_places, its_scores)

    def _ranked(self, query: Query, places: np.ndarray, scores: np.ndarray) -> RankedList:
        count = int(np.count_nonzero(places != NONE)) if normalize_text(query.text) else 0
        return RankedList(query.query_id,
                          tuple(self._product_ids[place] for place in places[:count].tolist()),
                          tuple(scores[:count].tolist()))

    def save(self, folder: str | os.PathLike) -> None:
        """Writes encoder, vectors and graph; none of it is a pickle.

        Raises:
          ValueError: the search is of another kind than those of `retrieval`.
        """
        folder, graph = Path(folder), None
        if isinstance(self._search, ApproximateSearch):
            graph = dataclasses.asdict(self._search.settings)
        elif not isinstance(self._search, ExactSearch):
            raise ValueError(f"a search of type {type(self._search).__name__} cannot be saved")
        self._encoder.save(folder / _ENCODER)
        with atomic_file(folder / _VECTORS, "wb") as stream:
            np.save(stream, self._vectors, allow_pickle=False)
        if graph is not None:
            self._search.save(folder / _GRAPH)
        with atomic_file(folder / _FIELDS) as stream:
            json.dump({"name": self.name, "batch_size": self._batch_size, "graph": graph,
                       "product_ids": self._product_ids}, stream, ensure_ascii=False)

    @classmethod
    def load(cls, folder: str | os.PathLike) -> "DenseRetriever":
        """Reads what `save` wrote.

        Raises:
          ArtifactError: something is missing or damaged.
          ConfigError: it was saved with a graph, and usearch is not installed.
        """
        folder = Path(folder)
        try:
            row = json.loads((folder / _FIELDS).read_text(encoding="utf-8"))
            vectors = np.load(folder / _VECTORS, allow_pickle=False)
            graph = None if row["graph"] is None else GraphSettings(**row["graph"])
            fields = {"product_ids": row["product_ids"], "name": row["name"],
                      "batch_size": int(row["batch_size"])}
            if len(vectors) != len(row["product_ids"]):
                raise ValueError(f"{len(vectors)} vectors of {len(row['product_ids'])} products")
        except (OSError, EOFError, ValueError, KeyError, TypeError, ConfigError) as error:
            raise ArtifactError(f"{folder} holds no readable dense index ({error}): index with "
                                "the dual encoder again") from error
        search = None if graph is None else ApproximateSearch(vectors, settings=graph,
                                                              path=folder / _GRAPH)
        return cls(DualEncoder.load(folder / _ENCODER), vectors, search=search, **fields)
