"""How much room an index needs on the device, in classes, so that it may grow without compiling.

Knows sizes only.
"""

import dataclasses

import numpy as np

from gram_jax.core.errors import ConfigError
from gram_jax.models.learned_score import LearnedScoreParams
from gram_jax.retrieval.index import RetrievalIndex
from gram_jax.retrieval.product_features import ProductFeatures
from gram_jax.retrieval.scoring import ScoringHead
from gram_jax.trie.capacity import capacity_class


@dataclasses.dataclass(frozen=True)
class Capacities:
    """Room for `nodes`, `codes` of `depth` tokens, `postings`, and a query's `candidates`; where
    the head reads products, for `products`, the `terms` of each, and the `tokens` of texts.
    """

    nodes: int
    codes: int
    depth: int
    postings: int
    candidates: int
    products: int = 0
    terms: int = 0
    tokens: int = 0

    def __or__(self, other: "Capacities") -> "Capacities":
        """Room for what either has room for."""
        return Capacities(*map(max, dataclasses.astuple(self), dataclasses.astuple(other)))


def needed_capacities(index: RetrievalIndex, scoring: ScoringHead, *, beam_size: int) -> Capacities:
    """The least classes that hold the index and the candidates of any `beam_size` codes.

    Raises:
      ConfigError: the head reads features of products that the index does not have.
    """
    sizes = np.diff(index.code_table.posting_starts)
    largest = np.sort(sizes)[-beam_size:].sum()
    of_products = ()
    if isinstance(scoring.params, LearnedScoreParams):
        features = features_of_index(index)
        of_products = capacity_class(features.num_products),
        if scoring.params.reads("lexical"):
            of_products += features.terms.shape[1], len(features.token_idf)
    return Capacities(index.trie.node_capacity, index.trie.code_capacity, index.trie.max_depth,
                      capacity_class(index.code_table.num_postings), capacity_class(int(largest)),
                      *of_products)


def features_of_index(index: RetrievalIndex) -> ProductFeatures:
    """The product features of an index that has them.

    Raises:
      ConfigError: it has none.
    """
    if index.product_features is None:
        raise ConfigError("the learned head reads features of products, which this index does not "
                          "have: build it again")
    return index.product_features
