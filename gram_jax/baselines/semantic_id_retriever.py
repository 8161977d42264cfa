"""LC-Rec and TIGER as retrievers: a query to the semantic ids that a model finds most probable.

Every id names one product, so that the beams, best first, are the ranking; there is nothing to
score besides, and never more products than beams. The trie admits the ids that exist. Knows a
model and a table of ids; nothing of how ids were made or learned.
"""

import itertools
from collections.abc import Iterable, Iterator

import jax
import numpy as np

from gram_jax.codes.code_table import CodeTable
from gram_jax.core.protocols import Retriever, Vocabulary
from gram_jax.core.records import Query
from gram_jax.core.runs import RankedList
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params
from gram_jax.retrieval.code_generation import generate_codes
from gram_jax.retrieval.index import spell_codes
from gram_jax.text.prompts import query_input

_QUERIES_AT_ONCE = 512


class SemanticIdRetriever(Retriever):
    """Answers queries with the products whose ids beam search finds.

    Args:
      config: sizes of the model.
      params: its parameters.
      code_table: of `SemanticIds.code_table`.
      vocabulary: of the model, with the words of the ids.
      beam_size: ids a query, and so the most products that can be found.
      batch_size: queries answered together.
      max_query_length: tokens kept of a query with its prompt, EOS included, as in training.
      name: of the method in reports.

    Raises:
      InputError: the vocabulary cannot spell an id, or spells two alike.
      ValueError: an id of the table does not name one product.
    """

    def __init__(self, config: ModelConfig, params: Params, code_table: CodeTable,
                 vocabulary: Vocabulary, *, beam_size: int = 20, batch_size: int = 16,
                 max_query_length: int = 24, name: str = "LC-Rec"):
        if not (code_table.num_postings == code_table.num_codes
                == len(np.unique(code_table.posting_products))):
            raise ValueError("an id of the table names several products, or a product has two ids")
        self.name = name
        self._config, self._table, self._vocabulary = config, code_table, vocabulary
        self._params, self._trie = jax.device_put(
            (params, spell_codes(code_table, vocabulary)))
        self._sizes = {"beam_size": beam_size, "batch_size": batch_size,
                       "max_input_length": max_query_length}

    def retrieve(self, queries: Iterable[Query], *, k: int) -> Iterator[RankedList]:
        """At most `k` products a query and at most one a beam, each with its id.

        Scores are ln P(id | query). A query without text finds nothing.
        """
        queries = iter(queries)
        while chunk := list(itertools.islice(queries, _QUERIES_AT_ONCE)):
            # Rows are told apart by their place: the same query may be asked twice.
            found = generate_codes(
                self._config, self._params, self._trie, self._table, self._vocabulary,
                [str(place) for place in range(len(chunk))],
                [query_input(query.text) for query in chunk], **self._sizes)
            for row, query in enumerate(chunk):
                codes, log_probs = (array[:k].tolist() for array in found.of(row))
                yield RankedList(
                    query.query_id,
                    tuple(self._table.product_ids[self._table.posting_products[code]]
                          for code in codes),
                    tuple(log_probs), tuple(self._table.codes[code].text for code in codes))
