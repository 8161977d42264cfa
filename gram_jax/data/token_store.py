"""All tokenised examples of one task, in memory.

A task is tokenised once; after that an example costs a gather, and any order over the examples is
an order over row numbers. That is what makes an exact place in the data cheap to return to.
Holds about 4 bytes a token and 60 a row; knows nothing of mixtures, order or epochs.
"""

import contextlib
import dataclasses
import functools
from collections.abc import Mapping, Sequence

import numpy as np
import seqio
import tensorflow as tf

from gram_jax.core.digest import digest_arrays, digest_texts
from gram_jax.core.errors import ConfigError
from gram_jax.data.preprocessors import one_by_one
from gram_jax.text.encoding import code_too_long

_EXAMPLES_PER_READ = 4096


@dataclasses.dataclass(frozen=True)
class RaggedTokens:
    """Token sequences of different lengths; row i is tokens[row_starts[i]:row_starts[i + 1]]."""

    tokens: np.ndarray  # int32 [num_tokens]
    row_starts: np.ndarray  # int64 [rows + 1]

    @classmethod
    def concatenate(cls, tokens: Sequence[np.ndarray], lengths: Sequence[np.ndarray]):
        """From blocks of tokens and of row lengths."""
        ends = np.cumsum(np.concatenate([np.zeros(1, np.int64), *lengths]))
        return cls(np.concatenate([np.zeros(0, np.int32), *tokens]), ends)

    @property
    def row_lengths(self) -> np.ndarray:
        """int64 [rows]."""
        return np.diff(self.row_starts)

    @property
    def longest(self) -> int:
        """Tokens of the longest row; 0 without rows."""
        return int(self.row_lengths.max(initial=0))

    def padded(self, rows: np.ndarray, length: int) -> np.ndarray:
        """The given rows, cut or padded with 0 to int32 [rows, length]."""
        starts = self.row_starts[rows][:, None]
        places = starts + np.arange(length)
        inside = places < self.row_starts[rows + 1][:, None]
        padded = np.zeros(inside.shape, np.int32)
        padded[inside] = self.tokens[places[inside]]
        return padded


@dataclasses.dataclass(frozen=True)
class TokenStore:
    """The examples of one task in the order of its source."""

    inputs: RaggedTokens
    targets: RaggedTokens
    example_ids: np.ndarray  # object [examples], str

    def __len__(self) -> int:
        return len(self.example_ids)

    @functools.cached_property
    def text_of_row(self) -> np.ndarray:
        """int64 [examples], rising: examples in a row that share their id are of one text."""
        ids = self.example_ids
        return np.cumsum(np.concatenate([np.zeros(1, bool), ids[1:] != ids[:-1]])[:len(ids)])

    @property
    def digest(self) -> str:
        """Short name of the exact content."""
        ids = digest_texts(self.example_ids)
        sides = {"inputs": self.inputs, "targets": self.targets}
        arrays = {
            f"{name}.{field.name}": getattr(side, field.name)
            for name, side in sides.items()
            for field in dataclasses.fields(side)
        }
        return digest_texts([ids, digest_arrays(arrays)])


def read_task(task: seqio.Task, split: str, feature_lengths: Mapping[str, int]) -> TokenStore:
    """Runs a task's pipeline once over `split` and keeps what comes out.

    What `seqio_cache_tasks` left in one of SeqIO's global cache folders is read in place of the
    source.

    Args:
      task: gives 'inputs' and 'targets', int32 [length] ending in EOS, and may give 'example_id';
        an example without one is called 'TASK:NUMBER'.
      split: of the task.
      feature_lengths: of 'inputs' and 'targets' with EOS. Inputs are cut to theirs.

    Raises:
      ConfigError: the task has no examples, or a target does not fit.
    """
    _keep_off_accelerators()
    columns = {f"{key}.{part}": [] for key in ("inputs", "targets") for part in ("tokens", "sizes")}
    ids = []
    for block in _read_blocks(task, split, {"inputs": feature_lengths["inputs"]}):
        for key in ("inputs", "targets"):
            columns[f"{key}.tokens"].append(block[key].flat_values.numpy())
            columns[f"{key}.sizes"].append(block[key].row_lengths().numpy())
        if "example_id" in block:
            ids.extend(name.decode() for name in block["example_id"].numpy())
    inputs, targets = (
        RaggedTokens.concatenate(columns[f"{key}.tokens"], columns[f"{key}.sizes"])
        for key in ("inputs", "targets")
    )
    num_examples = len(targets.row_starts) - 1
    if not num_examples:
        raise ConfigError(f"task {task.name!r} has no examples in split {split!r}")
    ids = ids or [f"{task.name}:{number}" for number in range(num_examples)]
    _check_targets_fit(targets, task, feature_lengths["targets"])
    return TokenStore(inputs, targets, np.array(ids, object))


def _keep_off_accelerators() -> None:
    """Leaves them to jax: TensorFlow would reserve a GPU's whole memory for tokenising."""
    # Whoever has used TensorFlow on a GPU in this process before has decided otherwise.
    with contextlib.suppress(RuntimeError):
        tf.config.set_visible_devices([], "GPU")


def _read_blocks(
    task: seqio.Task, split: str, sequence_length: Mapping[str, int]
) -> tf.data.Dataset:
    """The examples in blocks: ragged 'inputs' and 'targets', and 'example_id' where there is one.

    `sequence_length` names no length for targets, since SeqIO would cut what does not fit, and
    half a code is another code.
    """
    if task.preprocessors and task.preprocessors[-1] is one_by_one and not task.supports_caching:
        # Taking a task's blocks apart and together again would cost ten times the rest.
        blocks = task.source.get_dataset(split=split, shuffle=False)
        for step in task.preprocessors[:-1]:
            blocks = seqio.utils.add_kwargs_to_transform(
                step, sequence_length=sequence_length, output_features=task.output_features
            )(blocks)
        return blocks
    examples = task.get_dataset(
        sequence_length, split=split, shuffle=False, num_epochs=1,
        use_cached=task.supports_caching and task.cache_dir is not None)
    keys = sorted({"inputs", "targets", "example_id"} & set(examples.element_spec))
    return examples.map(lambda example: {key: example[key] for key in keys}).ragged_batch(
        _EXAMPLES_PER_READ
    )


def _check_targets_fit(targets: RaggedTokens, task: seqio.Task, max_length: int) -> None:
    lengths = np.diff(targets.row_starts)
    longest = int(lengths.argmax())
    if lengths[longest] > max_length:
        start, end = targets.row_starts[longest : longest + 2]
        code = task.output_features["targets"].vocabulary.decode(targets.tokens[start:end].tolist())
        raise code_too_long(code, int(lengths[longest]), max_length)
