"""The trained relevance model at work: pairs of texts in, scores out."""

import dataclasses
import functools
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gram_jax.alignment.relevance_batches import PRODUCT_WORDS, QUERY_WORDS
from gram_jax.alignment.word_book import WordBook
from gram_jax.core.atomic import atomic_file
from gram_jax.core.errors import ArtifactError, ConfigError
from gram_jax.core.protocols import RelevanceModel
from gram_jax.models.config import RelevanceConfig
from gram_jax.models.params import Params, bind, load_params, save_params
from gram_jax.models.relevance import ReadTexts

_PAIRS_TOGETHER = 1 << 15
_PAIRS_AT_ONCE = _TEXTS_AT_ONCE = 1024
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
        """The probability of relevance at even odds, 0 to 1: float32 [pairs].

        A text that comes in many of the pairs is read once for every `_PAIRS_TOGETHER` of them.
        """
        scores = [self._score(pairs[at:at + _PAIRS_TOGETHER])
                  for at in range(0, len(pairs), _PAIRS_TOGETHER)]
        return np.concatenate([np.zeros(0, np.float32), *scores])

    def _score(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        (queries, query_of), (products, product_of) = (
            self._number(texts, max_words) for texts, max_words in zip(
                zip(*pairs), (QUERY_WORDS, PRODUCT_WORDS)))
        words, rarities = self._spell()
        queries, products = (
            _joined([_read(self.config, self._params, words, rarities, rows, side)
                     for rows in _blocks(numbers, _TEXTS_AT_ONCE)])
            for side, numbers in (("query", queries), ("product", products)))
        blocks = zip(range(0, len(pairs), _PAIRS_AT_ONCE), _blocks(query_of, _PAIRS_AT_ONCE),
                     _blocks(product_of, _PAIRS_AT_ONCE))
        found = [_judge(self.config, self._params, queries, products, *block)
                 for _, *block in blocks]
        return np.concatenate(found)[:len(pairs)]

    def _number(self, texts: Sequence[str], max_words: int) -> tuple[np.ndarray, np.ndarray]:
        """The words of distinct texts, and the place among them of every text."""
        place: dict[str, int] = {}
        of_text = np.array([place.setdefault(text, len(place)) for text in texts], np.int32)
        return self._words.read(list(place), max_words), of_text

    def _spell(self) -> tuple[jax.Array, jax.Array]:
        """What every word met says by its spelling, and its rarity, with room for more words."""
        words = _joined([_embed_words(self.config, self._params, ngrams)
                         for ngrams in _blocks(self._words.ngrams, _WORDS_AT_ONCE)])
        padding = (0, len(words) - self._words.num_words)
        return words, jax.device_put(np.pad(self._words.rarities, padding))

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


def _blocks(rows: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Blocks of `size` rows, the last filled up with zeros; as many as a power of two.

    So arrays of few sizes reach the programs below, each of which has to be compiled.
    """
    num_blocks = 1 << (-(-len(rows) // size) - 1).bit_length()
    padding = num_blocks * size - len(rows)
    yield from np.split(np.pad(rows, ((0, padding), *[(0, 0)] * (rows.ndim - 1))), num_blocks)


def _joined(blocks: Sequence[Any]) -> Any:
    return jax.tree.map(lambda *arrays: jnp.concatenate(arrays), *blocks)


@functools.partial(jax.jit, static_argnames="config")
def _embed_words(config: RelevanceConfig, params: Params, ngrams: jax.Array) -> jax.Array:
    return bind(config, params).embed_words(ngrams)


@functools.partial(jax.jit, static_argnames=("config", "side"))
def _read(config: RelevanceConfig, params: Params, words: jax.Array, rarities: jax.Array,
          numbers: jax.Array, side: str) -> ReadTexts:
    return bind(config, params).read(side, words, rarities, numbers)


@functools.partial(jax.jit, static_argnames="config")
def _judge(config: RelevanceConfig, params: Params, queries: ReadTexts, products: ReadTexts,
           query_of: jax.Array, product_of: jax.Array) -> jax.Array:
    """float32 [pairs] for int32 [pairs] places among the texts that were read."""
    logits = bind(config, params).judge(_at(queries, query_of), _at(products, product_of))
    return jax.nn.sigmoid(logits[:, 0])


def _at(texts: ReadTexts, places: jax.Array) -> ReadTexts:
    """[texts, ...] -> [places, 1, ...]."""
    return jax.tree.map(lambda array: jnp.take(array, places, axis=0)[:, None], texts)
