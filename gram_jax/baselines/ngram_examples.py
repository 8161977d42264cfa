"""What SEAL learns from: queries with n-grams that are drawn from the titles clicked for them.

Bevilacqua et al. (NeurIPS 2022, arXiv 2204.10628, section 4.1) draw 10 n-grams of a relevant
passage, with repeats, those that read like a part of the query more often. How alike is measured as
in the authors' script: by the characters that windows of three words share.

An example is a `CodeExample` whose codes are the n-grams, so that the tasks and the training of
codes take it as it is. Knows texts and clicks; nothing of models.
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
from gram_jax.core.records import Query
from gram_jax.text.normal_form import normalize_text

_WINDOW = 3
"""Words that are compared at a time."""


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
        rng = np.random.default_rng([sampling.seed, zlib.crc32(query.query_id.encode())])
        drawn: list[str] = []
        for product in most_clicked.tolist():
            drawn.extend(_draw(rng, query_words, titles[product], num_tokens, sampling))
        if drawn:
            yield CodeExample(query.query_id, query.text, tuple(drawn))


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
    telling = np.array([word not in stop_words() for word in title_words])
    if telling.any():
        overlap[~telling] = -np.inf
    exponentials = np.exp((overlap - overlap.max()) / temperature)
    return exponentials / exponentials.sum()


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
        before = ends[start - 1] if start else 0
        end = int(np.searchsorted(ends, before + sampling.max_tokens, side="right"))
        # Where no word fits or none has tokens, there is nothing that the search could find.
        if end > start and ends[end - 1] > before:
            yield " ".join(words[start:end])


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
