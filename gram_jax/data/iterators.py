"""Endless batches of a task or mixture, in an order that depends on the seed alone.

Every task is read once into a TokenStore. Which example comes when is then a pure function of
(seed, task, how many of the task were taken before): epoch e of a task visits its rows in a
permutation drawn from (seed, task, e). Which task fills which place of a batch is a pure function
of (seed, number of the batch). So a place in the data is a few integers, and returning to it
costs nothing, however far it is.

Counts: `num_batches` counts batches given out; `consumed[task]` counts that task's examples given
out, over all epochs.
"""

import zlib
from collections.abc import Iterator, Mapping

import numpy as np
import seqio

from gram_jax.core.batch import Batch
from gram_jax.core.digest import digest_texts
from gram_jax.core.errors import ArtifactError, ConfigError
from gram_jax.data.feature_converters import to_batch
from gram_jax.data.registry import get_mixture_or_task
from gram_jax.data.token_store import TokenStore, read_task


def make_batches(
    mixture_or_task_name: str,
    *,
    task_feature_lengths: Mapping[str, int],
    batch_size: int,
    seed: int,
    split: str = "train",
) -> "CodeBatches":
    """The batches of a registered task or mixture.

    Args:
      mixture_or_task_name: as registered with SeqIO. Tasks without `split` or with rate 0 are
        left out, and the others keep their rates to each other.
      task_feature_lengths: the most tokens of 'inputs' and 'targets', EOS included. Batches are as
        long as the longest example needs: a step costs what the data needs, not the bound.
      batch_size: examples a batch.
      seed: of the order, not negative.
      split: of the tasks.

    Raises:
      ConfigError: the name or split is unknown, the rates make no mixture, there is no example,
        or a code does not fit into the length of targets.
    """
    _check_lengths(task_feature_lengths)
    found = get_mixture_or_task(mixture_or_task_name)
    rates = {task.name: 1.0 for task in seqio.get_subtasks(found)}
    if isinstance(found, seqio.Mixture):
        rates = {task.name: found.get_rate(task) for task in found.tasks}
    if min(rates.values()) < 0 or not np.isfinite(list(rates.values())).all():
        raise ConfigError(f"{mixture_or_task_name}: rates are {rates}, but none may be negative")
    tasks = [
        task for task in seqio.get_subtasks(found) if split in task.splits and rates[task.name] > 0
    ]
    if not tasks:
        raise ConfigError(
            f"{mixture_or_task_name} has no task with a split {split!r} and a rate above 0"
        )
    stores = {task.name: read_task(task, split, task_feature_lengths) for task in tasks}
    longest = {
        "inputs": max(store.inputs.longest for store in stores.values()),
        "targets": max(store.targets.longest for store in stores.values()),
    }
    return CodeBatches(
        stores,
        {task.name: rates[task.name] for task in tasks},
        task_feature_lengths={
            key: min(task_feature_lengths[key], longest[key]) for key in longest
        },
        batch_size=batch_size,
        seed=seed,
    )


class CodeBatches(Iterator[Batch]):
    """An endless iterator over NumPy batches that knows its place and can be put to any other.

    Args:
      stores: task name -> its examples.
      rates: task name -> how often it is drawn, in proportion to the others.
      task_feature_lengths: lengths of 'inputs' and 'targets', EOS included.
      batch_size: examples a batch.
      seed: of the order.
    """

    def __init__(
        self,
        stores: Mapping[str, TokenStore],
        rates: Mapping[str, float],
        *,
        task_feature_lengths: Mapping[str, int],
        batch_size: int,
        seed: int,
    ):
        if batch_size < 1 or seed < 0:
            raise ConfigError(f"batch_size is {batch_size} and seed {seed}: 1 and 0 at least")
        self._names = sorted(stores)
        self._orders = [_Order(name, stores[name], seed) for name in self._names]
        shares = np.cumsum([rates[name] for name in self._names])
        self._share_ends = shares[:-1] / shares[-1]
        self._lengths = {key: task_feature_lengths[key] for key in ("inputs", "targets")}
        self._batch_size, self._seed = batch_size, seed
        self._num_batches = 0
        self._consumed = [0] * len(self._names)
        settings = [f"{self._lengths}", f"{batch_size}", f"{seed}", f"{self._share_ends.tolist()}"]
        self._stream = digest_texts([*self._names, *settings, *(stores[n].digest for n in stores)])

    @property
    def num_examples(self) -> dict[str, int]:
        """task name -> how many examples it has."""
        return {name: len(order.store) for name, order in zip(self._names, self._orders)}

    def __next__(self) -> Batch:
        rng = _generator(self._seed, "mixture", self._num_batches)
        task_of_slot = np.searchsorted(
            self._share_ends, rng.random(self._batch_size), side="right"
        )
        rows = np.empty(self._batch_size, np.int64)
        for i, order in enumerate(self._orders):
            slots = np.flatnonzero(task_of_slot == i)
            rows[slots] = order.rows(self._consumed[i], len(slots))
            self._consumed[i] += len(slots)
        self._num_batches += 1
        return self._gather(task_of_slot, rows)

    def one_pass(self) -> Iterator[Batch]:
        """Every example of every task once, in the order of the sources, for measuring.

        The last batch is filled with empty rows of loss weight 0, so that all have one shape. The
        iterator's place stays where it is.
        """
        sizes = [len(order.store) for order in self._orders]
        task_of_row = np.repeat(np.arange(len(sizes)), sizes)
        rows = np.concatenate([np.arange(size) for size in sizes])
        for start in range(0, len(rows), self._batch_size):
            end = start + self._batch_size
            yield self._gather(task_of_row[start:end], rows[start:end])

    def position(self) -> dict:
        """The place in the data, as JSON: the next batch is a function of it."""
        consumed = dict(zip(self._names, self._consumed))
        return {"num_batches": self._num_batches, "consumed": consumed, "stream": self._stream}

    def seek(self, position: Mapping) -> None:
        """Goes on from where `position()` was taken, bit for bit.

        Raises:
          ArtifactError: the position belongs to other data or to other settings.
        """
        stream = position.get("stream")
        if stream != self._stream:
            raise ArtifactError(
                f"a place in data {stream} cannot be found in data {self._stream}: "
                "examples, vocabulary, lengths, rates, batch_size or seed are not what they were; "
                "bind what they were, or train in another workdir"
            )
        self._num_batches = position["num_batches"]
        self._consumed = [position["consumed"][name] for name in self._names]

    def _gather(self, task_of_row: np.ndarray, rows: np.ndarray) -> Batch:
        inputs = np.zeros((self._batch_size, self._lengths["inputs"]), np.int32)
        targets = np.zeros((self._batch_size, self._lengths["targets"]), np.int32)
        ids = np.full(len(rows), "", object)
        for i, order in enumerate(self._orders):
            slots = np.flatnonzero(task_of_row == i)
            chosen = rows[slots]
            inputs[slots] = order.store.inputs.padded(chosen, self._lengths["inputs"])
            targets[slots] = order.store.targets.padded(chosen, self._lengths["targets"])
            ids[slots] = order.store.example_ids[chosen]
        return to_batch(inputs, targets, tuple(ids))


class _Order:
    """Which row of a store comes at which place, over all epochs."""

    def __init__(self, name: str, store: TokenStore, seed: int):
        self.store = store
        self._name, self._seed = name, seed
        self._epoch, self._permutation = -1, np.zeros(0, np.int64)

    def rows(self, start: int, count: int) -> np.ndarray:
        """int64 [count], the rows at places `start` and after."""
        parts = []
        while count:
            epoch, offset = divmod(start, len(self.store))
            if epoch != self._epoch:
                rng = _generator(self._seed, self._name, epoch)
                self._epoch, self._permutation = epoch, rng.permutation(len(self.store))
            parts.append(self._permutation[offset : offset + count])
            start, count = start + len(parts[-1]), count - len(parts[-1])
        return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _generator(seed: int, purpose: str, number: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64([seed, zlib.crc32(purpose.encode()), number]))


def _check_lengths(lengths: Mapping[str, int]) -> None:
    if set(lengths) != {"inputs", "targets"} or min(lengths.values()) < 2:
        raise ConfigError(
            f"task_feature_lengths are {dict(lengths)}: give 'inputs' and 'targets', 2 at least"
        )
