"""BM25 over titles and attribute values: what GRAM has to beat, and tuned so that it is fair.

Words are those of the shop's normal form, stemmed by Snowball. bm25s scores; its index is laid out
here, because everything in it but one weight for each (word, product) is the same for all k1 and b,
and tuning tries many.
"""

import copy
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
import Stemmer

from gram_jax.core.protocols import Retriever
from gram_jax.core.records import Product, Query
from gram_jax.core.runs import Qrels, RankedList, Run
from gram_jax.evaluation.metrics import MEASURES, mean_figures, query_figures
from gram_jax.retrieval.ordering import best_first
from gram_jax.text.normal_form import words

K1_GRID = (0.4, 0.8, 1.2, 1.6)
B_GRID = (0.2, 0.4, 0.6, 0.8)


def product_text(product: Product) -> str:
    """The title and each attribute value once."""
    values = (value for values in product.attributes.values() for value in values)
    return " ".join([product.title, *dict.fromkeys(values)])


class SnowballWords:
    """Text to stemmed words; a word is stemmed once."""

    def __init__(self, language: str = "english"):
        self._language = language
        self._stemmer = Stemmer.Stemmer(language)
        self._stems: dict[str, str] = {}

    def __reduce__(self):
        # The stemmer is a pointer, which no other process can have.
        return SnowballWords, (self._language,)

    def __call__(self, text: str) -> list[str]:
        """The stems of the text's words, in order."""
        return [self._stem(word) for word in words(text)]

    def _stem(self, word: str) -> str:
        stem = self._stems.get(word)
        if stem is None:
            stem = self._stems[word] = self._stemmer.stemWord(word)
        return stem


@dataclasses.dataclass(frozen=True, eq=False)
class WordCounts:
    """How often each word stands in each product, as compressed rows by word.

    Args:
      word_ids: word -> its row.
      starts: int64 [words + 1]; row w is `starts[w]` up to `starts[w + 1]`.
      products: int32 [entries], the products that have the word, rising within a row.
      counts: float32 [entries], how often.
      lengths: float32 [products], words in each product.
    """

    word_ids: Mapping[str, int]
    starts: np.ndarray
    products: np.ndarray
    counts: np.ndarray
    lengths: np.ndarray

    @classmethod
    def of(cls, texts: Iterable[list[str]]) -> "WordCounts":
        """Counts the words of each product, given in the products' order."""
        word_ids: dict[str, int] = {}
        flat, lengths = [], []
        for text in texts:
            flat.extend(word_ids.setdefault(word, len(word_ids)) for word in text)
            lengths.append(len(text))
        owners = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
        pairs = np.array(flat, np.int64) * max(len(lengths), 1) + owners
        pairs, counts = np.unique(pairs, return_counts=True)
        rows, products = np.divmod(pairs, max(len(lengths), 1))
        starts = np.searchsorted(rows, np.arange(len(word_ids) + 1))
        return cls(word_ids, starts, products.astype(np.int32), counts.astype(np.float32),
                   np.array(lengths, np.float32))

    def weights(self, *, k1: float, b: float) -> np.ndarray:
        """What each (word, product) adds to a product's score: float32 [entries].

        As Lucene and bm25s' 'lucene' method have it: the inverse document frequency
        ln(1 + (N - n + 1/2) / (n + 1/2)) times the share count / (count + k1 (1 - b + b length)),
        lengths relative to their mean.
        """
        num_products = np.diff(self.starts)
        idf = np.log1p((len(self.lengths) - num_products + 0.5) / (num_products + 0.5))
        mean_length = self.lengths.sum() / max(len(self.lengths), 1) or 1.0
        norms = k1 * (1 - b + b * self.lengths / mean_length)
        saturated = self.counts / (self.counts + norms[self.products])
        return (np.repeat(idf, num_products) * saturated).astype(np.float32)


class BM25Retriever(Retriever):
    """BM25 over a catalogue.

    Args:
      products: the catalogue.
      k1: how late repeats of a word stop counting, >= 0.
      b: how much long products are held back, from 0 to 1.
      language: of the Snowball stemmer.
      text_of: what is searched of a product.
      name: of the method in reports.
    """

    def __init__(self, products: Sequence[Product], *, k1: float = 0.8, b: float = 0.4,
                 language: str = "english", text_of: Callable[[Product], str] = product_text,
                 name: str = "BM25"):
        self.name = name
        self._product_ids = [product.product_id for product in products]
        self._words = SnowballWords(language)
        self._counts = WordCounts.of(self._words(text_of(product)) for product in products)
        self._set(k1, b)

    def with_settings(self, *, k1: float, b: float) -> "BM25Retriever":
        """The same catalogue under other settings, without counting its words again."""
        other = copy.copy(self)
        other._set(k1, b)
        return other

    def _set(self, k1: float, b: float) -> None:
        if k1 < 0 or not 0 <= b <= 1:
            raise ValueError(f"k1={k1} is negative or b={b} is not between 0 and 1")
        # Importing bm25s runs a jax computation, which importing us must not.
        import bm25s

        self.k1, self.b = k1, b
        self._scorer = bm25s.BM25(k1=k1, b=b, method="lucene")
        self._scorer.nonoccurrence_array = None
        self._scorer.scores = {
            "data": self._counts.weights(k1=k1, b=b), "indices": self._counts.products,
            "indptr": self._counts.starts, "num_docs": len(self._product_ids)}

    def retrieve(self, queries: Iterable[Query], *, k: int) -> Iterator[RankedList]:
        """At most `k` products a query, none of which shares no word with it."""
        for query in queries:
            scores = self.scores(query.text)
            matching = np.flatnonzero(scores > 0)
            best = matching[best_first(scores[matching], k)]
            yield RankedList(query.query_id, tuple(self._product_ids[i] for i in best.tolist()),
                             tuple(scores[best].tolist()))

    def scores(self, text: str) -> np.ndarray:
        """The score of every product: float32 [products]."""
        ids = [self._counts.word_ids[word] for word in self._words(text)
               if word in self._counts.word_ids]
        if not ids:
            return np.zeros(len(self._product_ids), np.float32)
        return self._scorer.get_scores_from_ids(ids)


@dataclasses.dataclass(frozen=True)
class BM25Tuning:
    """The tuned retriever, and the figures of every setting tried as (k1, b) -> name -> figure."""

    retriever: BM25Retriever
    figures: Mapping[tuple[float, float], Mapping[str, float]]


def tune_bm25(products: Sequence[Product], queries: Sequence[Query], qrels: Qrels, *,
              k1_grid: Sequence[float] = K1_GRID, b_grid: Sequence[float] = B_GRID,
              language: str = "english", text_of: Callable[[Product], str] = product_text,
              name: str = "BM25",
              progress=lambda iterable, description, total: iterable) -> BM25Tuning:
    """Chooses k1 and b on held-out queries: the best recall@100, then the best ndcg@10.

    Recalls that agree to three decimals count as equal: less is the luck of a few queries.
    """
    measures = {name: MEASURES[name] for name in ("recall@100", "ndcg@10")}
    base = BM25Retriever(products, language=language, text_of=text_of, name=name)
    settings = [(k1, b) for k1 in k1_grid for b in b_grid]
    figures = {}
    for k1, b in progress(settings, f"tune {name}", len(settings)):
        retriever = base.with_settings(k1=k1, b=b)
        run = Run(base.name, tuple(retriever.retrieve(queries, k=100)))
        figures[k1, b] = mean_figures(query_figures(run, qrels, measures))
    k1, b = max(settings, key=lambda setting: (round(figures[setting]["recall@100"], 3),
                                               figures[setting]["ndcg@10"]))
    return BM25Tuning(base.with_settings(k1=k1, b=b), figures)
