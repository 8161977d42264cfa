"""How many relevant products queries find under the codes that a model writes, while it trains.

The codes come from the constrained beam search that serves. What it leaves out is the scoring of
products: those under better codes come first, and those of one code stand in random order, whose
mean is computed and not drawn. So it measures the generator alone, needs no index of product
probabilities, and is lower than the recall of a served snapshot, which also orders within codes.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from gram_jax.codes.code_table import CodeTable
from gram_jax.core.protocols import Vocabulary
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params
from gram_jax.partitioning.partitioner import Partitioner
from gram_jax.retrieval.code_generation import generate_codes
from gram_jax.trie.code_trie import CodeTrie


@dataclasses.dataclass(frozen=True, eq=False)
class JudgedQueries:
    """Queries and what is relevant to them.

    Args:
      ids: unique.
      inputs: the queries' texts with their prompt (`text.prompts.query_input`).
      relevant: for each query, product indices without repeats, at least one.

    Raises:
      ValueError: these are not of one length, or a query has nothing relevant.
    """

    ids: tuple[str, ...]
    inputs: tuple[str, ...]
    relevant: tuple[np.ndarray, ...]

    def __post_init__(self):
        if not len(self.ids) == len(self.inputs) == len(self.relevant):
            raise ValueError(f"{len(self.ids)} ids, {len(self.inputs)} inputs, "
                             f"{len(self.relevant)} rows of relevant products")
        if not all(map(len, self.relevant)):
            raise ValueError("a query has no relevant product")


@dataclasses.dataclass(frozen=True, kw_only=True)
class BeamRecall:
    """Measures params: an `evaluate` for a training's hook.

    Args:
      config: sizes of the model.
      trie: of the table's codes.
      code_table: codes and the products under them.
      vocabulary: of the model.
      queries: at least one.
      max_input_length: as in training.
      beam_size: codes a query.
      depths: the k of each recall@k.
      batch_size: queries searched together.
      partitioner: the devices; None for the default one.
    """

    config: ModelConfig
    trie: CodeTrie
    code_table: CodeTable
    vocabulary: Vocabulary
    queries: JudgedQueries
    max_input_length: int
    beam_size: int = 10
    depths: Sequence[int] = (10, 100)
    batch_size: int = 64
    partitioner: Partitioner | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What is measured."""
        return (*(f"recall@{depth}" for depth in self.depths), "reach", "products_reached")

    def __call__(self, params: Params) -> dict[str, float]:
        """Means over the queries of each recall@k, of the share of relevant products that is under
        any code (`reach`), and of the number of products that are.
        """
        generated = generate_codes(
            self.config, params, self.trie, self.code_table, self.vocabulary, self.queries.ids,
            self.queries.inputs, beam_size=self.beam_size, batch_size=self.batch_size,
            max_input_length=self.max_input_length, partitioner=self.partitioner)
        depths = (*self.depths, len(self.code_table.product_ids))
        figures = []
        for row, relevant in enumerate(self.queries.relevant):
            groups = [self.code_table.postings(code) for code in generated.of(row)[0].tolist()]
            reached = set().union(*(group.tolist() for group in groups))
            shares = expected_found(groups, relevant, depths) / len(relevant)
            figures.append([*shares, len(reached)])
        return dict(zip(self.names, np.mean(figures, axis=0).tolist()))


def expected_found(groups: Sequence[np.ndarray], relevant: np.ndarray,
                   depths: Sequence[int]) -> np.ndarray:
    """How many relevant products are among the first k, on average over orders within groups.

    A product counts in the first group that has it.

    Args:
      groups: product indices, the best group first, without repeats within a group.
      relevant: product indices without repeats.
      depths: the k.

    Returns:
      float64 [depths].
    """
    found, ranked = np.zeros(len(depths)), 0
    seen: set[int] = set()
    wanted = set(relevant.tolist())
    for group in groups:
        fresh = set(group.tolist()) - seen
        seen |= fresh
        if fresh:
            room = np.clip(np.asarray(depths) - ranked, 0, len(fresh))
            found += room / len(fresh) * len(fresh & wanted)
            ranked += len(fresh)
    return found
