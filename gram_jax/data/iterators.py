"""Endless batches of a task or mixture, in an order that depends on the seed alone.

Every task is read once into a TokenStore and cut into streams, one for each bucket of lengths.
Which example comes when is then a pure function of (seed, stream, how many of the stream were taken
before): epoch e of a stream visits its rows in a permutation drawn from (seed, stream,
e). Which bucket a batch is of, and which task fills which of its places, is a pure function of
(seed, number of the batch). So a place in the data is a few integers, and returning to it costs
nothing, however far it is.

Where several codes of a text share its encoding, what is permuted are groups of them, and each
epoch deals a text's codes anew to its groups.

Counts: `num_batches` counts batches given out; `consumed[stream]` counts that stream's groups given
out, over all epochs.
"""

import dataclasses
import zlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import seqio

from gram_jax.core.batch import Batch
from gram_jax.core.data_place import check_place
from gram_jax.core.digest import digest_texts
from gram_jax.core.errors import ConfigError
from gram_jax.data.feature_converters import to_batch
from gram_jax.data.registry import get_mixture_or_task
from gram_jax.data.token_store import TokenStore, read_task

_NONE = -1


def make_batches(
    mixture_or_task_name: str,
    *,
    task_feature_lengths: Mapping[str, int],
    batch_size: int,
    seed: int,
    split: str = "train",
    input_buckets: Sequence[int] = (),
    target_buckets: Sequence[int] = (),
    codes_per_text: int = 1,
) -> "CodeBatches":
    """The batches of a registered task or mixture.

    Args:
      mixture_or_task_name: as registered with SeqIO. Tasks without `split` or with rate 0 are
        left out, and the others keep their rates to each other.
      task_feature_lengths: the most tokens of 'inputs' and 'targets', EOS included. Batches are as
        long as the longest example needs: a step costs what the data needs, not the bound.
      batch_size: texts a batch.
      seed: of the order, not negative.
      split: of the tasks.
      input_buckets: lengths of inputs, rising, that batches are cut to besides the longest; most of
        a batch of queries would be padding if it held a title.
      target_buckets: the same of targets.
      codes_per_text: codes that a text teaches at once. Encoding a text costs more than decoding a
        code, and is then shared; what is padded where a text has fewer costs as much as a code.

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
        input_buckets=input_buckets,
        target_buckets=target_buckets,
        codes_per_text=codes_per_text,
    )


class CodeBatches(Iterator[Batch]):
    """An endless iterator over NumPy batches that knows its place and can be put to any other.

    Args:
      stores: task name -> its examples.
      rates: task name -> how often it is drawn, in proportion to the others.
      task_feature_lengths: lengths of 'inputs' and 'targets', EOS included.
      batch_size: texts a batch.
      seed: of the order.
      input_buckets: as in `make_batches`.
      target_buckets: as in `make_batches`.
      codes_per_text: as in `make_batches`; with 1, the arrays of the decoder are [batch, length].
    """

    def __init__(
        self,
        stores: Mapping[str, TokenStore],
        rates: Mapping[str, float],
        *,
        task_feature_lengths: Mapping[str, int],
        batch_size: int,
        seed: int,
        input_buckets: Sequence[int] = (),
        target_buckets: Sequence[int] = (),
        codes_per_text: int = 1,
    ):
        if batch_size < 1 or seed < 0 or codes_per_text < 1:
            raise ConfigError(f"batch_size is {batch_size}, seed {seed} and codes_per_text "
                              f"{codes_per_text}: 1, 0 and 1 at least")
        for name, lengths in (("input", input_buckets), ("target", target_buckets)):
            if list(lengths) != sorted({max(length, 2) for length in lengths}):
                raise ConfigError(f"{name}_buckets are {lengths}: rising lengths, 2 at least")
        self._stores = [stores[name] for name in sorted(stores)]
        self._names = sorted(stores)
        self._lengths = {key: task_feature_lengths[key] for key in ("inputs", "targets")}
        self._batch_size, self._seed, self._codes_per_text = batch_size, seed, codes_per_text
        shares = np.array([rates[name] for name in self._names], np.float64)
        self._buckets = _buckets(
            self._names, self._stores, shares / shares.sum(),
            {key: [*(end for end in ends if end < self._lengths[key]), self._lengths[key]]
             for key, ends in (("inputs", input_buckets), ("targets", target_buckets))},
            seed, codes_per_text)
        self._bucket_ends = np.cumsum([bucket.share for bucket in self._buckets])[:-1]
        self._num_batches = 0
        self._consumed = {order.name: 0 for bucket in self._buckets for order in bucket.orders}
        settings = [f"{self._lengths}", f"{batch_size}", f"{seed}", f"{list(input_buckets)}",
                    f"{list(target_buckets)}",
                    f"{np.round(shares / shares.sum(), 12).tolist()}", f"{codes_per_text}"]
        digests = [store.digest for store in self._stores]
        self._stream = digest_texts([*self._names, *settings, *digests])

    @property
    def num_examples(self) -> dict[str, int]:
        """task name -> how many examples it has."""
        return {name: len(store) for name, store in zip(self._names, self._stores)}

    @property
    def largest_target(self) -> int:
        """The greatest token of any target."""
        return max(int(store.targets.tokens.max(initial=0)) for store in self._stores)

    def __next__(self) -> Batch:
        rng = _generator(self._seed, "mixture", self._num_batches)
        bucket = self._buckets[np.searchsorted(self._bucket_ends, rng.random(), side="right")]
        order_of_slot = np.searchsorted(
            bucket.order_ends, rng.random(self._batch_size), side="right"
        )
        task_of_slot = np.empty(self._batch_size, np.int64)
        rows = np.empty((self._batch_size, self._codes_per_text), np.int64)
        for i, order in enumerate(bucket.orders):
            slots = np.flatnonzero(order_of_slot == i)
            task_of_slot[slots] = order.task
            rows[slots] = order.groups(self._consumed[order.name], len(slots))
            self._consumed[order.name] += len(slots)
        self._num_batches += 1
        return self._gather(task_of_slot, rows, bucket.input_length, bucket.target_length)

    def one_pass(self) -> Iterator[Batch]:
        """Every example of every task once, in the order of the sources, for measuring.

        A text teaches one code at a time. The last batch is filled with empty rows of loss weight
        0, so that all have one shape. The iterator's place stays where it is.
        """
        sizes = [len(store) for store in self._stores]
        task_of_row = np.repeat(np.arange(len(sizes)), sizes)
        rows = np.concatenate([np.arange(size) for size in sizes])
        for start in range(0, len(rows), self._batch_size):
            end = start + self._batch_size
            yield self._gather(task_of_row[start:end], rows[start:end, None],
                               self._lengths["inputs"], self._lengths["targets"])

    def position(self) -> dict:
        """The place in the data, as JSON: the next batch is a function of it."""
        return {"num_batches": self._num_batches, "consumed": dict(self._consumed),
                "stream": self._stream}

    def seek(self, position: Mapping) -> None:
        """Goes on from where `position()` was taken, bit for bit.

        Raises:
          ArtifactError: the position belongs to other data or to other settings.
        """
        check_place(position, self._stream, data="data", settings="examples, vocabulary, lengths, "
                    "rates, buckets, batch_size or seed")
        self._num_batches = position["num_batches"]
        self._consumed = {name: position["consumed"][name] for name in self._consumed}

    def _gather(self, task_of_row: np.ndarray, rows: np.ndarray, input_length: int,
                target_length: int) -> Batch:
        """The batch of rows [texts, codes] of tasks [texts]; there may be fewer texts than room."""
        inputs = np.zeros((self._batch_size, input_length), np.int32)
        targets = np.zeros((self._batch_size, rows.shape[1], target_length), np.int32)
        ids = np.full(rows.shape, "", object)
        for task, store in enumerate(self._stores):
            slots = np.flatnonzero(task_of_row == task)
            inputs[slots] = store.inputs.padded(rows[slots, 0], input_length)
            text, place = np.nonzero(rows[slots] != _NONE)
            chosen = rows[slots[text], place]
            targets[slots[text], place] = store.targets.padded(chosen, target_length)
            ids[slots[text], place] = store.example_ids[chosen]
        if rows.shape[1] == 1:
            targets = targets[:, 0]
        return to_batch(inputs, targets, tuple(ids.ravel()))


class _Order:
    """Which group of a stream (some rows of a task) comes at which place, over all epochs.

    A group is at most `size` rows of one text.
    """

    def __init__(self, name: str, task: int, rows: np.ndarray, text_of_row: np.ndarray,
                 size: int, seed: int):
        self.name, self.task = name, task
        self._rows, self._size, self._seed = rows, size, seed
        _, self._text, counts = np.unique(text_of_row, return_inverse=True, return_counts=True)
        self._first_rank = np.cumsum(counts) - counts
        groups = -(-counts // size)
        self._first_group = np.cumsum(groups) - groups
        self.num_groups = int(groups.sum())
        self._epoch, self._permuted = -1, None

    def groups(self, start: int, count: int) -> np.ndarray:
        """int64 [count, size], the groups at places `start` and after; _NONE behind a text's last.
        """
        parts = [np.zeros((0, self._size), np.int64)]
        while count:
            epoch, offset = divmod(start, self.num_groups)
            if epoch != self._epoch:
                self._epoch, self._permuted = epoch, self._deal(epoch)
            parts.append(self._permuted[offset : offset + count])
            start, count = start + len(parts[-1]), count - len(parts[-1])
        return np.concatenate(parts)

    def _deal(self, epoch: int) -> np.ndarray:
        """All groups in the order of an epoch, int64 [groups, size]."""
        rng = _generator(self._seed, self.name, epoch)
        order = rng.permutation(self.num_groups)
        by_text = np.lexsort((rng.permutation(len(self._rows)), self._text))
        text = self._text[by_text]
        rank = np.arange(len(by_text)) - self._first_rank[text]
        dealt = np.full((self.num_groups, self._size), _NONE, np.int64)
        dealt[self._first_group[text] + rank // self._size, rank % self._size] = self._rows[by_text]
        return dealt[order]


@dataclasses.dataclass(frozen=True)
class _Bucket:
    """Streams whose inputs and targets fit some lengths, and how often a batch is of them.

    `order_ends` are the upper ends, last one left out, of the shares of the orders in a batch.
    """

    input_length: int
    target_length: int
    share: float
    orders: tuple[_Order, ...]
    order_ends: np.ndarray


def _buckets(names: Sequence[str], stores: Sequence[TokenStore], shares: np.ndarray,
             lengths: Mapping[str, Sequence[int]], seed: int, codes_per_text: int) -> list[_Bucket]:
    """The buckets that are not empty; over all of them a task has its share of the groups."""
    sizes = [(input_length, target_length) for input_length in lengths["inputs"]
             for target_length in lengths["targets"]]
    orders: list[list[_Order]] = [[] for _ in sizes]
    num_groups = np.zeros(len(names), np.int64)
    for task, (name, store) in enumerate(zip(names, stores)):
        # What is cut to the longest length belongs to it too.
        of_inputs, of_targets = (
            np.minimum(np.searchsorted(ends, side.row_lengths), len(ends) - 1)
            for ends, side in ((lengths["inputs"], store.inputs),
                               (lengths["targets"], store.targets)))
        bucket_of_row = of_inputs * len(lengths["targets"]) + of_targets
        for bucket, (input_length, target_length) in enumerate(sizes):
            rows = np.flatnonzero(bucket_of_row == bucket)
            if len(rows):
                stream = f"{name}:{input_length}:{target_length}" if len(sizes) > 1 else name
                order = _Order(stream, task, rows, store.text_of_row[rows], codes_per_text, seed)
                orders[bucket].append(order)
                num_groups[task] += order.num_groups
    found = []
    for (input_length, target_length), those in zip(sizes, orders):
        if those:
            ends = np.cumsum([shares[order.task] * order.num_groups / num_groups[order.task]
                              for order in those])
            found.append(_Bucket(input_length, target_length, float(ends[-1]), tuple(those),
                                 ends[:-1] / ends[-1]))
    return found


def _generator(seed: int, purpose: str, number: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64([seed, zlib.crc32(purpose.encode()), number]))


def _check_lengths(lengths: Mapping[str, int]) -> None:
    if set(lengths) != {"inputs", "targets"} or min(lengths.values()) < 2:
        raise ConfigError(
            f"task_feature_lengths are {dict(lengths)}: give 'inputs' and 'targets', 2 at least"
        )
