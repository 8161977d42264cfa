"""The tagger at work: texts in, spans with types and probabilities out.

Texts are put into buckets of length, so that few programs are compiled and little is padding.
Knows nothing of where texts come from or where spans go.
"""

import dataclasses
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import jax
import numpy as np

from gram_jax.attributes.known_values import KnownValues
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.attributes.tags import TagSet
from gram_jax.attributes.text_spans import TextSpan
from gram_jax.attributes.word_features import TextWords, WordFeatures
from gram_jax.core.atomic import atomic_file
from gram_jax.core.errors import ArtifactError, ConfigError
from gram_jax.models.config import TaggerConfig
from gram_jax.models.params import Params, load_params, save_params
from gram_jax.models.tag_chain import MASKED
from gram_jax.models.tagging import tag_words

LENGTHS = (8, 16, 24, 32, 64)
"""Words that texts are padded to. A longer text is tagged in parts of the last."""

_WORDS_PER_BATCH = 2048
_CONFIG, _PARAMS, _SCHEMA, _KNOWN = (
    "tagger.json", "params.npz", "schema.json", "known_values.json")


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class TaggedSpan(TextSpan):
    """A span, and how sure the tagger is of it: the probability of its least sure word's tag."""

    probability: float


class TextTagger:
    """A trained tagger, ready to read texts.

    Args:
      config: the network's sizes.
      params: its parameters.
      schema: the types that its tags stand for.
      known: the values that it was trained to see.

    Raises:
      ConfigError: the network does not fit the schema.
    """

    def __init__(self, config: TaggerConfig, params: Params, schema: AttributeSchema,
                 known: KnownValues):
        self.config, self.schema = config, schema
        self._tag_set = TagSet(schema.names)
        if config.num_tags != self._tag_set.num_tags:
            raise ConfigError(f"the tagger has {config.num_tags} tags, its schema of "
                              f"{len(schema.names)} types needs {self._tag_set.num_tags}")
        self._features = WordFeatures(config.num_ngrams, known)
        if config.num_marks != self._features.num_marks:
            raise ConfigError(f"the tagger reads {config.num_marks} marks, there are "
                              f"{self._features.num_marks}")
        self._params = jax.device_put(params)
        self._mask = jax.device_put(
            np.where(self._tag_set.allowed, 0.0, MASKED).astype(np.float32))

    def tag(self, texts: Sequence[str]) -> list[list[TaggedSpan]]:
        """The spans of each text, by place."""
        parts = [(number, part) for number, text in enumerate(texts)
                 for part in _parts(self._features.read(text))]
        spans: list[list[TaggedSpan]] = [[] for _ in texts]
        found: list[list[TaggedSpan]] = [[] for _ in parts]
        for chosen, batch in self._batches(parts):
            for at, part_spans in zip(chosen, self._tag_batch(*batch)):
                found[at] = part_spans
        for (number, _), part_spans in zip(parts, found):
            spans[number] += part_spans
        return spans

    def _batches(self, parts) -> Iterator[tuple[np.ndarray, tuple[list[TextWords], int, int]]]:
        """Places of parts of one bucket of length, and what `_tag_batch` takes."""
        buckets = np.searchsorted(LENGTHS, [len(part.words) for _, part in parts])
        for bucket, length in enumerate(LENGTHS):
            of_bucket = np.flatnonzero(buckets == bucket)
            # Two sizes a length: a lone query pays for no full batch, and little is compiled.
            size = 1 if len(parts) == 1 else _WORDS_PER_BATCH // length
            for start in range(0, len(of_bucket), size):
                chosen = of_bucket[start:start + size]
                yield chosen, ([parts[at][1] for at in chosen], size, length)

    def _tag_batch(self, rows: list[TextWords], size: int,
                   length: int) -> Iterable[list[TaggedSpan]]:
        filled = rows + [rows[0]] * (size - len(rows))
        tags, probabilities = tag_words(
            self.config, self._params, self._mask, *self._features.padded(filled, length))
        tags, probabilities = np.asarray(tags), np.asarray(probabilities)
        return [self._spans(row, tags[at], probabilities[at]) for at, row in enumerate(rows)]

    def _spans(self, row: TextWords, tags: np.ndarray,
               probabilities: np.ndarray) -> list[TaggedSpan]:
        return [TaggedSpan(row.places[start][0], row.places[end - 1][1], attribute,
                           round(float(probabilities[start:end].min()), 4))
                for start, end, attribute in self._tag_set.spans_of(tags[:len(row.words)])]

    def save(self, folder: str | os.PathLike) -> None:
        """Writes parameters, sizes, schema and known values."""
        folder = Path(folder)
        save_params(folder / _PARAMS, jax.device_get(self._params))
        self.schema.save(folder / _SCHEMA)
        self._features.known.save(folder / _KNOWN)
        with atomic_file(folder / _CONFIG) as stream:
            json.dump(dataclasses.asdict(self.config), stream, indent=2)

    @classmethod
    def load(cls, folder: str | os.PathLike) -> "TextTagger":
        """Reads what `save` wrote.

        Raises:
          ArtifactError: something is missing or damaged.
        """
        folder = Path(folder)
        try:
            fields = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
            config = TaggerConfig(**fields)
        except (OSError, ValueError, TypeError, ConfigError) as error:
            raise ArtifactError(f"{folder} holds no readable {_CONFIG} ({error}): run the tagger "
                                "stage again") from error
        return cls(config, load_params(folder / _PARAMS, config),
                   AttributeSchema.load(folder / _SCHEMA), KnownValues.load(folder / _KNOWN))


def _parts(words: TextWords) -> Iterator[TextWords]:
    """A text in parts that fit the longest bucket; none where it has no words."""
    for start in range(0, len(words.words), LENGTHS[-1]):
        yield words.part(start, start + LENGTHS[-1])
