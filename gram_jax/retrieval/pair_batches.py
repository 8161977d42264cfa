"""Cuts (text, code) pairs into batches of few fixed shapes with little padding.

A program is compiled for each shape, and a padded row costs as much as a real one. So pairs are
grouped by the length of their code first, then by text, because a text is encoded once for all
codes beside it; texts with about as many codes share a batch. Knows numbers only.

Index glossary: a *row* is a text with up to 16 of its pairs, whose codes have about the same
length; a *slot* is a pair's place in a row; a *step* is a multiple of 4 tokens.
"""

import dataclasses

import numpy as np

_LENGTH_STEP = 4
_SLOTS = (2, 4, 6, 8, 12, 16)
_MOST_SLOTS = _SLOTS[-1]
FEWEST_BATCHES = 24
"""Computing about as many takes as long as compiling a program."""
NONE = -1
"""In `PairBatch.pairs`: no pair here."""


@dataclasses.dataclass(frozen=True, eq=False)
class PairBatch:
    """Pairs to compute together.

    `texts` (int32 [rows]) is each row's text; `pairs` (int64 [rows, slots]) its pairs, NONE where
    it has fewer; `code_length` bounds the tokens of all their codes.
    """

    texts: np.ndarray
    pairs: np.ndarray
    code_length: int


@dataclasses.dataclass(frozen=True, eq=False)
class _Rows:
    """`steps`, `texts`, `sizes`: int [rows]; `pairs`: int64 [rows, 16], NONE where none."""

    steps: np.ndarray
    texts: np.ndarray
    sizes: np.ndarray
    pairs: np.ndarray


def pair_batches(pair_texts: np.ndarray, code_lengths: np.ndarray, *, batch_size: int,
                 max_code_length: int, fewest_batches: int = FEWEST_BATCHES) -> list[PairBatch]:
    """Batches that hold every pair exactly once.

    Args:
      pair_texts: int [pairs], the text of each pair.
      code_lengths: int [pairs], tokens of each pair's code, EOS included.
      batch_size: rows times slots of a batch, at least 16.
      max_code_length: no batch claims more; not less than any of `code_lengths`.
      fewest_batches: that deserve a shape of their own. Who cuts a part of many pairs gives a part
        of the default, as the parts share their shapes.

    Raises:
      ValueError: `batch_size` is below 16.
    """
    if batch_size < _MOST_SLOTS:
        raise ValueError(f"batch_size is {batch_size}; it must be at least {_MOST_SLOTS}")
    if not len(pair_texts):
        return []
    rows = _cut_rows(pair_texts, code_lengths)
    batches = []

    def add(chosen: np.ndarray, step: int, num_slots: int) -> None:
        num_rows = batch_size // num_slots
        texts, pairs = np.zeros(num_rows, np.int32), np.full((num_rows, num_slots), NONE)
        texts[:len(chosen)] = rows.texts[chosen]
        pairs[:len(chosen)] = rows.pairs[chosen, :num_slots]
        length = min(int(step) * _LENGTH_STEP, max_code_length)
        batches.append(PairBatch(texts, pairs, length))

    # Rows too few for a program of their own move on to more slots, then to longer codes.
    left = np.zeros(0, np.int64)
    for step in np.unique(rows.steps):
        waiting, fewer = np.zeros(0, np.int64), 0
        for num_slots in _SLOTS:
            fits = (rows.steps == step) & (rows.sizes > fewer) & (rows.sizes <= num_slots)
            waiting, fewer = np.append(waiting, np.flatnonzero(fits)), num_slots
            if num_slots == _MOST_SLOTS:
                waiting = np.append(left, waiting)
            num_rows = batch_size // num_slots
            num_batches = len(waiting) // num_rows
            is_last = step == rows.steps.max() and num_slots == _MOST_SLOTS
            if is_last:
                num_batches = -(-len(waiting) // num_rows)
            elif num_batches < fewest_batches:
                num_batches = 0
            for begin in range(0, num_batches * num_rows, num_rows):
                add(waiting[begin:min(begin + num_rows, len(waiting))], step, num_slots)
            waiting = waiting[num_batches * num_rows:]
        left = waiting
    return batches


def _cut_rows(pair_texts: np.ndarray, code_lengths: np.ndarray) -> _Rows:
    """Runs of one text's pairs of one step, cut after 16."""
    steps = -(-code_lengths // _LENGTH_STEP)
    order = np.lexsort((pair_texts, steps))
    texts, steps = pair_texts[order], steps[order]
    is_first = np.ones(len(order), bool)
    is_first[1:] = (texts[1:] != texts[:-1]) | (steps[1:] != steps[:-1])
    runs = np.flatnonzero(is_first)
    places = np.arange(len(order)) - runs[np.cumsum(is_first) - 1]  # within the run
    starts = np.flatnonzero(places % _MOST_SLOTS == 0)
    row = np.cumsum(places % _MOST_SLOTS == 0) - 1
    pairs = np.full((len(starts), _MOST_SLOTS), NONE, np.int64)
    pairs[row, places % _MOST_SLOTS] = order
    return _Rows(steps[starts], texts[starts], np.diff(starts, append=len(order)), pairs)
