"""Endless batches of tagged texts from several sources, in an order that depends on the seed alone.

Epoch e takes rows from every source at its rate, from where the source's permutations, laid end
to end, were left; deals them into buckets of length; and visits the batches in a permutation drawn
from (seed, e). So a place in the data is an epoch and the number of a batch in it.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from gram_jax.attributes.annotations import AnnotatedText
from gram_jax.attributes.tags import TagSet
from gram_jax.attributes.word_features import TextWords, WordFeatures
from gram_jax.core.batch import TaggingBatch
from gram_jax.core.data_place import check_place
from gram_jax.core.digest import digest_texts
from gram_jax.core.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class TaggingSource:
    """Annotated texts, and how they count.

    Args:
      name: of the source.
      texts: what it holds.
      rate: visits of each text in an epoch; 0.5 takes half of them in turn.
      outside_weight: how far a word that is not marked is believed to be O, 0 to 1.
      loss_weight: of each of its texts in the loss.

    Raises:
      ConfigError: there are no texts, or a weight makes no sense.
    """

    name: str
    texts: tuple[AnnotatedText, ...]
    rate: float = 1.0
    outside_weight: float = 1.0
    loss_weight: float = 1.0

    def __post_init__(self):
        if not self.texts:
            raise ConfigError(f"the tagging source {self.name!r} holds no texts: leave it out, or "
                              "look at what it is made from")
        if self.rate <= 0 or self.loss_weight <= 0 or not 0 <= self.outside_weight <= 1:
            raise ConfigError(f"the tagging source {self.name!r} has rate {self.rate}, "
                              f"loss_weight {self.loss_weight} and outside_weight "
                              f"{self.outside_weight}: the first two must be above 0, the last "
                              "from 0 to 1")


class TaggingBatches:
    """Checkpointable batches of several sources.

    Args:
      sources: at least one; names are unique.
      tag_set: the tags.
      features: reads the words.
      batch_size: texts a batch.
      seed: of the order, not negative.
      counted: whether these texts are those in which the known values were counted.
      lengths: words that batches are padded to, rising; what is longer than the last is cut.
    """

    def __init__(self, sources: Sequence[TaggingSource], tag_set: TagSet, features: WordFeatures,
                 *, batch_size: int, seed: int, lengths: Sequence[int], counted: bool = True):
        self._features, self._batch_size, self._seed = features, batch_size, seed
        self._lengths = np.array(lengths)
        self._rows: list[tuple[TextWords, np.ndarray]] = []
        for source in sources:
            for text in source.texts:
                words = features.read(text.text, own=text if counted else None)
                tags = tag_set.tags_of(text.word_spans(words.places), len(words.words))
                self._rows.append((words.part(0, lengths[-1]), tags[:lengths[-1]]))
        sizes = np.array([len(source.texts) for source in sources])
        self._first = np.concatenate([[0], np.cumsum(sizes)])
        source_of_row = np.repeat(np.arange(len(sources)), sizes)
        self._outside = np.array([source.outside_weight for source in sources],
                                 np.float32)[source_of_row]
        self._weights = np.array([source.loss_weight for source in sources],
                                 np.float32)[source_of_row]
        # A text without words teaches nothing, and the chain needs one word to start from.
        self._weights[[not len(row.words) for row, _ in self._rows]] = 0.0
        self._bucket = np.searchsorted(
            self._lengths, np.array([len(row.words) for row, _ in self._rows]))
        rates = np.array([source.rate for source in sources], np.float64)
        self._per_epoch = np.maximum(1, np.round(sizes * rates)).astype(int)
        self._ids = np.array([text.text_id for source in sources for text in source.texts], object)
        self._stream = digest_texts([
            f"{rates.tolist()} {batch_size} {seed} {list(lengths)} {tag_set.types}",
            *(f"{source.name} {source.outside_weight} {source.loss_weight} {text.text} {text.spans}"
              for source in sources for text in source.texts)])
        self._epoch, self._number = 0, 0
        self._plan = self._plan_of(0)

    @property
    def batches_per_epoch(self) -> int:
        """How many batches the first epoch has; later ones differ by a few."""
        return len(self._plan_of(0))

    def __next__(self) -> TaggingBatch:
        if self._number == len(self._plan):
            self._epoch, self._number = self._epoch + 1, 0
            self._plan = self._plan_of(self._epoch)
        rows = self._plan[self._number]
        self._number += 1
        return self._gather(rows)

    def one_pass(self) -> Iterator[TaggingBatch]:
        """Every text once, for measuring; the last batch of a length is filled with weight 0."""
        for bucket in range(len(self._lengths)):
            rows = np.flatnonzero(self._bucket == bucket)
            for start in range(0, len(rows), self._batch_size):
                part = rows[start:start + self._batch_size]
                batch = self._gather(np.resize(part, self._batch_size))
                weights = np.where(np.arange(self._batch_size) < len(part), batch.weights, 0.0)
                yield dataclasses.replace(batch, weights=weights.astype(np.float32))

    def position(self) -> dict:
        """The place in the data, as JSON."""
        return {"epoch": self._epoch, "number": self._number, "stream": self._stream}

    def seek(self, position: Mapping) -> None:
        """Goes on from where `position()` was taken, bit for bit.

        Raises:
          ArtifactError: the position belongs to other data or to other settings.
        """
        check_place(position, self._stream, data="tagging data",
                    settings="texts, rates, lengths, batch_size or seed")
        self._epoch, self._number = position["epoch"], position["number"]
        self._plan = self._plan_of(self._epoch)

    def _plan_of(self, epoch: int) -> list[np.ndarray]:
        """The rows of every batch of an epoch."""
        rng = np.random.default_rng([self._seed, 1, epoch])
        rows = np.concatenate([self._rows_of(source, epoch) for source in
                               range(len(self._per_epoch))])
        rows = rng.permutation(rows)
        batches = []
        for bucket in range(len(self._lengths)):
            of_bucket = rows[self._bucket[rows] == bucket]
            if len(of_bucket):
                full = -(-len(of_bucket) // self._batch_size) * self._batch_size
                batches += np.split(np.resize(of_bucket, full), full // self._batch_size)
        return [batches[number] for number in rng.permutation(len(batches))]

    def _rows_of(self, source: int, epoch: int) -> np.ndarray:
        """The rows of a source in an epoch: a stretch of its permutations laid end to end."""
        size = self._first[source + 1] - self._first[source]
        start = int(epoch * self._per_epoch[source])
        end = start + int(self._per_epoch[source])
        parts = [np.random.default_rng([self._seed, 2, source, turn]).permutation(size)
                 for turn in range(start // size, -(-end // size))]
        skipped = start // size * size
        return self._first[source] + np.concatenate(parts)[start - skipped:end - skipped]

    def _gather(self, rows: np.ndarray) -> TaggingBatch:
        length = int(self._lengths[self._bucket[rows[0]]])
        chosen = [self._rows[row] for row in rows]
        ngrams, marks, lengths = self._features.padded([words for words, _ in chosen], length)
        tags = np.zeros((len(rows), length), np.int32)
        for place, (_, row_tags) in enumerate(chosen):
            tags[place, :len(row_tags)] = row_tags
        return TaggingBatch(ngrams, marks, tags, np.maximum(lengths, 1), self._outside[rows],
                            self._weights[rows], tuple(self._ids[rows]))
