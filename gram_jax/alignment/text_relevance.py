"""The trained relevance model at work: pairs of texts in, scores out."""

import dataclasses
import functools
import json
import os
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np

from gram_jax.alignment.relevance_batches import PRODUCT_WORDS, QUERY_WORDS
from gram_jax.alignment.word_book import WordBook
from gram_jax.core.atomic import atomic_file
from gram_jax.core.errors import ArtifactError, ConfigError
from gram_jax.core.protocols import RelevanceModel
from gram_jax.models.config import RelevanceConfig
from gram_jax.models.params import Params, bind, load_params, save_params

_PAIRS_AT_ONCE = 1024
_WORDS_AT_ONCE = 4096
_CONFIG, _PARAMS, _WORDS = "relevance.json", "params.npz", "words.json"


class TextRelevance(RelevanceModel):
    """A relevance model that was trained on one shop's clicks.

    Args:
      config: the network's sizes.
      params: its parameters.
      words: reads the texts.
      cut: from this score on a product is called relevant.
    """

    def __init__(self, config: RelevanceConfig, params: Params, words: WordBook, *,
                 cut: float = 0.5):
        self.config, self.cut = config, cut
        self._params, self._words = jax.device_put(params), words

    def score(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        """The probability of relevance at even odds, 0 to 1: float32 [pairs]."""
        if not len(pairs):
            return np.zeros(0, np.float32)
        (queries, query_of), (titles, title_of) = (
            self._read(texts, max_words) for texts, max_words in zip(
                zip(*pairs), (QUERY_WORDS, PRODUCT_WORDS)))
        spelled, rarities = self._spell()
        scores = np.zeros(len(pairs), np.float32)
        for start in range(0, len(pairs), _PAIRS_AT_ONCE):
            block = slice(start, start + _PAIRS_AT_ONCE)
            own, other = query_of[block], title_of[block]
            # The last block is filled up: one shape is one program.
            found = _score(self.config, self._params, spelled, rarities,
                           queries[np.resize(own, _PAIRS_AT_ONCE)],
                           titles[np.resize(other, _PAIRS_AT_ONCE)])
            scores[block] = np.asarray(found)[:len(own)]
        return scores

    def _read(self, texts: Sequence[str], max_words: int) -> tuple[np.ndarray, np.ndarray]:
        """The words of distinct texts, and the place among them of every text."""
        place: dict[str, int] = {}
        of_text = np.array([place.setdefault(text, len(place)) for text in texts])
        return self._words.read(list(place), max_words), of_text

    def _spell(self) -> tuple[jax.Array, jax.Array]:
        """What every word met says by its spelling, and its rarity, with room for more words."""
        num_blocks = -(-self._words.num_words // _WORDS_AT_ONCE)
        room = _WORDS_AT_ONCE << (num_blocks - 1).bit_length()
        padding = (0, room - self._words.num_words)
        ngrams = np.pad(self._words.ngrams, (padding, (0, 0)))
        spelled = [_spell(self.config, self._params, ngrams[at:at + _WORDS_AT_ONCE])
                   for at in range(0, room, _WORDS_AT_ONCE)]
        return jax.numpy.concatenate(spelled), jax.device_put(
            np.pad(self._words.rarities, padding))

    def save(self, folder: str | os.PathLike) -> None:
        """Writes parameters, sizes, the cut and the counts of words."""
        folder = Path(folder)
        save_params(folder / _PARAMS, jax.device_get(self._params))
        self._words.save(folder / _WORDS)
        with atomic_file(folder / _CONFIG) as stream:
            json.dump({"config": dataclasses.asdict(self.config), "cut": self.cut}, stream,
                      indent=2)

    @classmethod
    def load(cls, folder: str | os.PathLike) -> "TextRelevance":
        """Reads what `save` wrote.

        Raises:
          ArtifactError: something is missing or damaged.
        """
        folder = Path(folder)
        try:
            row = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
            config, cut = RelevanceConfig(**row["config"]), float(row["cut"])
        except (OSError, ValueError, KeyError, TypeError, ConfigError) as error:
            raise ArtifactError(f"{folder} holds no readable {_CONFIG} ({error}): run the "
                                "relevance stage again") from error
        return cls(config, load_params(folder / _PARAMS, config), WordBook.load(folder / _WORDS),
                   cut=cut)


@functools.partial(jax.jit, static_argnames="config")
def _spell(config: RelevanceConfig, params: Params, ngrams: jax.Array) -> jax.Array:
    return bind(config, params).embed_words(ngrams)


@functools.partial(jax.jit, static_argnames="config")
def _score(config: RelevanceConfig, params: Params, words: jax.Array, rarities: jax.Array,
           queries: jax.Array, titles: jax.Array) -> jax.Array:
    """float32 [pairs] for int32 [pairs, q] and [pairs, p]."""
    logits = bind(config, params)(words, rarities, queries, titles[:, None])
    return jax.nn.sigmoid(logits[:, 0])
