"""SEAL as a retriever: the model says n-grams of titles, and titles are ranked by what it said.

Bevilacqua et al., Autoregressive Search Engines, NeurIPS 2022 (arXiv 2204.10628), on this project's
encoder-decoder, trained on `ngram_examples`. Puts together the n-grams of a catalogue
(`ngram_table`), the search for those of a query (`ngram_search`), the query's own words as further
n-grams (`query_ngrams`) and the ranking (`ngram_ranking`).

Two things differ from the authors' searcher. It also generates titles of passages; here the title
is all that there is. And it leaves single tokens that were not generated without the exponent;
here they are weighed as the equation weighs all n-grams.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence

import jax
import numpy as np

from gram_jax.baselines.intersective_score import AUTHORS_SETTINGS, IntersectiveSettings
from gram_jax.baselines.ngram_ranking import rank_titles
from gram_jax.baselines.ngram_search import FoundNgrams, search_ngrams
from gram_jax.baselines.ngram_table import NgramTable
from gram_jax.baselines.query_ngrams import ngram_log_probs, occurring_word_runs
from gram_jax.core.errors import ArtifactError
from gram_jax.core.protocols import Retriever, Vocabulary
from gram_jax.core.records import Product, Query
from gram_jax.core.runs import RankedList
from gram_jax.models.cached_decoder import CachedDecoder
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params
from gram_jax.retrieval.query_beams import query_rows

_TITLES_SPELLED_TO_CHECK = 16


def build_title_ngrams(products: Iterable[Product], vocabulary: Vocabulary, *,
                       max_tokens: int = 10) -> NgramTable:
    """The n-grams of the products' titles, as the vocabulary spells them.

    Args:
      products: the catalogue, in the order that the retriever gets it in.
      vocabulary: of the model; it has to spell titles in tokens that the model can say.
      max_tokens: of the longest n-grams; SEAL decodes 10.

    Raises:
      InputError: a title holds a token that the model cannot say.
    """
    titles = vocabulary.encode([product.title for product in products])
    return NgramTable.build(titles, vocab_size=vocabulary.output_vocab_size, max_tokens=max_tokens)


class SealRetriever(Retriever):
    """Answers queries with the products whose titles hold generated n-grams.

    Args:
      config: sizes of the model.
      params: its parameters.
      vocabulary: of the model.
      table: of the products' titles (`build_title_ngrams`).
      products: the catalogue, in the order of the table.
      scoring: how n-grams score titles; at most `max_scored` products are found for a query.
      beam_size: n-grams of each length that are found and continued; the authors take 15.
      num_unigrams: single tokens that are found.
      max_query_words: words of the query, one after the other, that count as an n-gram besides
        those found; 0 leaves the query's words out.
      batch_size: queries answered together.
      max_query_length: tokens kept of a query with its prefix, EOS included.
      name: of the method in reports.

    Raises:
      ArtifactError: the table is not of these products or of this vocabulary.
    """

    def __init__(self, config: ModelConfig, params: Params, vocabulary: Vocabulary,
                 table: NgramTable, products: Sequence[Product], *,
                 scoring: IntersectiveSettings = AUTHORS_SETTINGS,
                 beam_size: int = 15, num_unigrams: int = 100, max_query_words: int = 3,
                 batch_size: int = 16, max_query_length: int = 24, name: str = "SEAL"):
        _check_table(table, products, vocabulary)
        self.name = name
        self._vocabulary, self._table, self._scoring = vocabulary, table, scoring
        self._product_ids = [product.product_id for product in products]
        self._decoder = jax.device_put(CachedDecoder(config, params))
        self._trie = jax.device_put(table.trie(eos_id=vocabulary.eos_id))
        self._sizes = {"beam_size": beam_size, "max_tokens": table.max_tokens,
                       "num_unigrams": min(num_unigrams, vocabulary.output_vocab_size)}
        self._max_query_words = max_query_words
        self._batch_size, self._max_query_length = batch_size, max_query_length

    def ngrams(self, queries: Iterable[Query]) -> Iterator[tuple[Query, np.ndarray, np.ndarray]]:
        """Each query with the n-grams found for it, none for a query without text.

        Yields:
          The query, its n-grams as int32 [n, max_tokens], each once, 0 behind the last token, and
          float32 [n], ln P(n | q).
        """
        queries = iter(queries)
        while batch := list(itertools.islice(queries, self._batch_size)):
            rows = np.zeros((self._batch_size, self._max_query_length), np.int32)
            rows[:len(batch)] = query_rows(self._vocabulary, batch, self._max_query_length)
            found: FoundNgrams = jax.device_get(
                search_ngrams(self._decoder, self._trie, rows, **self._sizes))
            own = occurring_word_runs(self._table, self._vocabulary,
                                      [query.text for query in batch],
                                      max_words=self._max_query_words)
            own_log_probs = ngram_log_probs(self._decoder.config, self._decoder.params, rows, own)
            for query, *row in zip(batch, found.tokens, found.log_probs, own, own_log_probs):
                yield query, *_each_once(*row)

    def retrieve(self, queries: Iterable[Query], *, k: int) -> Iterator[RankedList]:
        """At most `k` products a query, each with the text of the n-gram that speaks most for it.
        """
        for query, ngrams, log_probs in self.ngrams(queries):
            ranked = rank_titles(self._table, ngrams, log_probs, k=k, settings=self._scoring)
            used, places = np.unique(ranked.ngrams, return_inverse=True)
            texts = self._vocabulary.decode(ngrams[used].tolist())
            yield RankedList(query.query_id,
                             tuple(self._product_ids[title] for title in ranked.titles.tolist()),
                             tuple(ranked.scores.tolist()),
                             tuple(texts[place] for place in places.tolist()))


def _each_once(tokens: np.ndarray, log_probs: np.ndarray, more_tokens: np.ndarray,
               more_log_probs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The n-grams that exist, and behind them more of which some may be there already."""
    exists = log_probs > -np.inf
    tokens = np.concatenate([tokens[exists], more_tokens])
    log_probs = np.concatenate([log_probs[exists], more_log_probs])
    _, first = np.unique(tokens, axis=0, return_index=True)
    first.sort()
    return tokens[first], log_probs[first]


def _check_table(table: NgramTable, products: Sequence[Product], vocabulary: Vocabulary) -> None:
    """Raises an ArtifactError where the table is of other titles or of another vocabulary."""
    if table.num_titles != len(products) or table.vocab_size != vocabulary.output_vocab_size:
        raise ArtifactError(
            f"the n-grams are of {table.num_titles} titles in {table.vocab_size} tokens, but there "
            f"are {len(products)} products and {vocabulary.output_vocab_size} tokens; build them "
            "again")
    products = products[:_TITLES_SPELLED_TO_CHECK]
    for number, tokens in enumerate(vocabulary.encode([product.title for product in products])):
        if table.title(number).tolist() != list(tokens):
            raise ArtifactError(f"the n-grams were built with another title or spelling of product "
                                f"{products[number].product_id!r}; build them again")
