"""A retriever whose queries are put right before it sees them: BM25 with spelling correction.

A word-based retriever finds nothing for a word that no product has. Knows a retriever and a
spelling; which words are slips is `attributes.spelling`'s to say.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from gram_jax.attributes.normalize import read_words, value_words
from gram_jax.attributes.spelling import Spelling, SpellingSettings, learn_spelling
from gram_jax.attributes.term_counts import TermCounts
from gram_jax.core.protocols import Retriever
from gram_jax.core.records import Query
from gram_jax.core.runs import RankedList


def spelling_of_texts(texts: Iterable[str], query_texts: Iterable[str] = (), *,
                      settings: SpellingSettings | None = None) -> Spelling:
    """The spelling of what is searched: with its words, none that could be found is corrected.

    The spelling of the stage 'attributes' lacks words of fields whose type nobody named.

    Args:
      texts: of the products, as they are searched (`baselines.bm25.product_text`).
      query_texts: of the train queries, whose frequent words are right as well.
      settings: when to correct.
    """
    return learn_spelling(TermCounts(vocabulary=_texts_with_word(texts)),
                          TermCounts(vocabulary=_texts_with_word(query_texts)), settings=settings)


def _texts_with_word(texts: Iterable[str]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update({word for word in value_words(text) if not word[0].isdecimal()})
    return counts


def corrected_text(text: str, spelling: Spelling) -> str:
    """The text with its slips put right.

    Args:
      text: of a query.
      spelling: what corrects it.

    Returns:
      `text` itself where there is no slip. Else its words in normal form (`text.normal_form`), of
      which the corrected ones are replaced.
    """
    reading = read_words(text)
    pieces = spelling.correct(reading.words)
    if all(piece.words == piece.written for piece in pieces):
        return text
    written, block = [], []
    for piece in pieces:
        block.append(piece)
        # Words that were written as one, such as a number with its unit, stay together.
        if piece.end < len(reading.words) \
                and reading.starts[piece.end] == reading.starts[piece.end - 1]:
            continue
        if any(part.words != part.written for part in block):
            written.extend(word for part in block for word in part.words)
        else:
            written.append(reading.surface(block[0].start, piece.end))
        block = []
    return " ".join(written)


class SpellingCorrected(Retriever):
    """Corrects queries and hands them on.

    Args:
      retriever: answers the corrected queries.
      spelling: of what it searches.
      name: of the method in reports; None adds to the retriever's.
    """

    def __init__(self, retriever: Retriever, spelling: Spelling, *, name: str | None = None):
        self.name = f"{retriever.name} + spelling" if name is None else name
        self._retriever, self._spelling = retriever, spelling

    def retrieve(self, queries: Iterable[Query], *, k: int) -> Iterator[RankedList]:
        """What the retriever finds for the corrected queries, under the ids of the queries."""
        return self._retriever.retrieve(
            (Query(query.query_id, corrected_text(query.text, self._spelling))
             for query in queries), k=k)
