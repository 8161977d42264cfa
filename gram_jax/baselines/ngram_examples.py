"""What SEAL learns from: queries with n-grams that are drawn from the titles clicked for them.

Bevilacqua et al. (NeurIPS 2022, arXiv 2204.10628, section 4.1) draw 10 n-grams of a relevant
passage, with repeats, those that read like a part of the query more often. How alike is measured as
in the authors' script: by the characters that windows of three words share.

For passages that no query has, parts of a passage stand in for queries, marked as such. Here what
marks them is the prompt: they are examples of the product side.

An example is a `CodeExample` whose codes are the n-grams, so that the tasks and the training of
codes take it as it is: those of queries as `query_codes`, those of titles as `product_codes`. Knows
texts and clicks; nothing of models.
"""

import dataclasses
import zlib
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from rapidfuzz import fuzz
from rapidfuzz.process import cdist

from gram_jax.attributes.term_counts import stop_words
from gram_jax.codes.examples import CodeExample
from gram_jax.core.clicks import ClickTable
from gram_jax.core.protocols import Vocabulary
from gram_jax.core.records import Product, Query
from gram_jax.text.normal_form import normalize_text

_WINDOW = 3
"""Words that are compared at a time."""
_MAX_SOURCE_WORDS = 6
"""Of a part of a title that stands in for a query; few queries have more."""


@dataclasses.dataclass(frozen=True)
class NgramSampling:
    """How n-grams are drawn.

    Args:
      num_ngrams: draws from each clicked title.
      max_products: clicked products of a query that are drawn from, the most clicked.
      max_tokens: of an n-gram; one has as many whole words as fit.
      temperature: of the overlap with the query, above 0; the higher, the more even.
      seed: of the draws.

    Raises:
      ValueError: a setting is out of range.
    """

    num_ngrams: int = 10
    max_products: int = 10
    max_tokens: int = 10
    temperature: float = 1.0
    seed: int = 0

    def __post_init__(self):
        if min(self.num_ngrams, self.max_products, self.max_tokens) < 1 or self.temperature <= 0 \
                or self.seed < 0:
            raise ValueError(f"{self}: sizes are at least 1, the temperature is above 0 and the "
                             "seed is not negative")


def ngram_examples(queries: Iterable[Query], clicks: ClickTable, titles: Sequence[str],
                   vocabulary: Vocabulary,
                   sampling: NgramSampling = NgramSampling()) -> Iterator[CodeExample]:
    """An example for each query that has text and a clicked title with words.

    What is drawn for a query depends on its id, its clicks and the seed alone.

    Args:
      queries: those that `clicks` has rows for; others give nothing.
      clicks: by query.
      titles: of all products, by the numbers that `clicks` knows.
      vocabulary: of the model. It has to spell words one by one, as those of SentencePiece and
        WordPiece do, so that an n-gram of words is spelled as in its title.
      sampling: how to draw.
    """
    row_of = {query_id: row for row, query_id in enumerate(clicks.query_ids)}
    num_tokens = _WordTokens(vocabulary)
    for query in queries:
        query_words = normalize_text(query.text).split()
        if query.query_id not in row_of or not query_words:
            continue
        products, weights = clicks.of_row(row_of[query.query_id])
        most_clicked = products[np.argsort(-weights, kind="stable")][:sampling.max_products]
        rng = _generator(sampling.seed, query.query_id)
        drawn: list[str] = []
        for product in most_clicked.tolist():
            drawn.extend(_draw(rng, query_words, titles[product], num_tokens, sampling))
        if drawn:
            yield CodeExample(query.query_id, query.text, tuple(drawn))


def title_examples(products: Iterable[Product], vocabulary: Vocabulary, *, num_examples: int = 3,
                   sampling: NgramSampling = NgramSampling()) -> Iterator[CodeExample]:
    """For each product some parts of its title, each with an n-gram that begins elsewhere in it.

    Parts are of one to six words, wherever they begin; n-grams are drawn evenly from those that
    begin with no stop word. A title of one word gives nothing.

    Args:
      products: the catalogue.
      vocabulary: as for `ngram_examples`.
      num_examples: parts of a title; the authors take 3. Each has an id of its own.
      sampling: `max_tokens` and `seed` count.
    """
    num_tokens = _WordTokens(vocabulary)
    for product in products:
        words = normalize_text(product.title).split()
        if len(words) < 2:
            continue
        rng = _generator(sampling.seed, product.product_id)
        telling = _telling(words)
        ends = np.cumsum(num_tokens(words))
        for number in range(num_examples):
            start = int(rng.integers(len(words)))
            length = int(rng.integers(1, _MAX_SOURCE_WORDS + 1))
            others = np.flatnonzero(telling & (np.arange(len(words)) != start))
            if not len(others):
                continue
            ngram = _ngram_at(words, ends, int(rng.choice(others)), sampling.max_tokens)
            if ngram:
                yield CodeExample(f"{product.product_id}:{number}",
                                  " ".join(words[start:start + length]), (ngram,))


def start_probabilities(query_words: Sequence[str], title_words: Sequence[str], *,
                        temperature: float = 1.0) -> np.ndarray:
    """How often an n-gram is drawn that begins at each word of a title.

    The softmax of overlap / temperature over the words that are no stop words, or over all words
    where there are no others. The overlap of a place is the sum over the query's windows of their
    similarity with the window that begins there: `fuzz.ratio`, from 0 to 1.

    Args:
      query_words, title_words: at least one each, in normal form.
      temperature: above 0.

    Returns:
      float64 [title_words], summing to 1.
    """
    similarities = cdist(_windows(query_words), _windows(title_words), scorer=fuzz.ratio,
                         dtype=np.float64) / 100
    overlap = similarities.sum(axis=0)
    overlap[~_telling(title_words)] = -np.inf
    exponentials = np.exp((overlap - overlap.max()) / temperature)
    return exponentials / exponentials.sum()


def _telling(words: Sequence[str]) -> np.ndarray:
    """Which words are no stop words, or all where there are no others: bool [words]."""
    telling = np.array([word not in stop_words() for word in words])
    return telling if telling.any() else ~telling


def _windows(words: Sequence[str]) -> list[str]:
    return [" ".join(words[start:start + _WINDOW]) for start in range(len(words))]


def _draw(rng: np.random.Generator, query_words: Sequence[str], title: str,
          num_tokens: "_WordTokens", sampling: NgramSampling) -> Iterator[str]:
    """The n-grams drawn from one title; none where it has no words."""
    words = normalize_text(title).split()
    if not words:
        return
    probabilities = start_probabilities(query_words, words, temperature=sampling.temperature)
    ends = np.cumsum(num_tokens(words))
    for start in rng.choice(len(words), sampling.num_ngrams, p=probabilities).tolist():
        ngram = _ngram_at(words, ends, start, sampling.max_tokens)
        if ngram:
            yield ngram


def _ngram_at(words: Sequence[str], ends: np.ndarray, start: int, max_tokens: int) -> str:
    """As many words from `start` on as have at most `max_tokens` tokens.

    Args:
      words: of a title.
      ends: int [words], tokens up to the end of each word.
      start: of the words.
      max_tokens: of the n-gram.

    Returns:
      "" where no word fits or none has tokens: there is nothing that the search could find.
    """
    before = ends[start - 1] if start else 0
    end = int(np.searchsorted(ends, before + max_tokens, side="right"))
    return " ".join(words[start:end]) if end > start and ends[end - 1] > before else ""


def _generator(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


class _WordTokens:
    """How many tokens words have; a word is spelled once."""

    def __init__(self, vocabulary: Vocabulary):
        self._vocabulary = vocabulary
        self._known: dict[str, int] = {}

    def __call__(self, words: Sequence[str]) -> list[int]:
        new = [word for word in dict.fromkeys(words) if word not in self._known]
        if new:
            self._known.update(zip(new, map(len, self._vocabulary.encode(new))))
        return [self._known[word] for word in words]
