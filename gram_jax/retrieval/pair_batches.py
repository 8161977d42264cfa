"""Cuts (product, code) postings into batches of few fixed shapes with little padding.

A program is compiled for each shape, and a padded row costs as much as a real one. So postings are
grouped by the length of their code first, then by product, because a product's text is encoded once
for all codes beside it; products with about as many codes share a batch. Knows numbers only.

Index glossary: a *row* is a product with up to 16 of its postings, whose codes have about the same
length; a *slot* is a posting's place in a row; a *step* is a multiple of 6 tokens.
"""

import dataclasses

import numpy as np

_LENGTH_STEP = 6
_SLOTS = (2, 4, 6, 8, 12, 16)
_MOST_SLOTS = _SLOTS[-1]
_FEWEST_BATCHES = 24  # computing about as many takes as long as compiling a program
NONE = -1
"""In `PostingBatch.postings`: no posting here."""


@dataclasses.dataclass(frozen=True, eq=False)
class PostingBatch:
    """Postings to compute together.

    `products` (int32 [rows]) is each row's product; `postings` (int64 [rows, slots]) its postings,
    NONE where it has fewer; `code_length` bounds the tokens of all their codes.
    """

    products: np.ndarray
    postings: np.ndarray
    code_length: int


@dataclasses.dataclass(frozen=True, eq=False)
class _Rows:
    """`steps`, `products`, `sizes`: int [rows]; `postings`: int64 [rows, 16], NONE where none."""

    steps: np.ndarray
    products: np.ndarray
    sizes: np.ndarray
    postings: np.ndarray


def posting_batches(posting_products: np.ndarray, code_lengths: np.ndarray, *, batch_size: int,
                    max_code_length: int) -> list[PostingBatch]:
    """Batches that hold every posting exactly once.

    Args:
      posting_products: int32 [postings], the product of each posting.
      code_lengths: int [postings], tokens of each posting's code, EOS included.
      batch_size: rows times slots of a batch, at least 16.
      max_code_length: no batch claims more; not less than any of `code_lengths`.

    Raises:
      ValueError: `batch_size` is below 16.
    """
    if batch_size < _MOST_SLOTS:
        raise ValueError(f"batch_size is {batch_size}; it must be at least {_MOST_SLOTS}")
    if not len(posting_products):
        return []
    rows = _cut_rows(posting_products, code_lengths)
    batches = []

    def add(chosen: np.ndarray, step: int, num_slots: int) -> None:
        num_rows = batch_size // num_slots
        products, postings = np.zeros(num_rows, np.int32), np.full((num_rows, num_slots), NONE)
        products[:len(chosen)] = rows.products[chosen]
        postings[:len(chosen)] = rows.postings[chosen, :num_slots]
        length = min(int(step) * _LENGTH_STEP, max_code_length)
        batches.append(PostingBatch(products, postings, length))

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
            elif num_batches < _FEWEST_BATCHES:
                num_batches = 0
            for begin in range(0, num_batches * num_rows, num_rows):
                add(waiting[begin:min(begin + num_rows, len(waiting))], step, num_slots)
            waiting = waiting[num_batches * num_rows:]
        left = waiting
    return batches


def _cut_rows(posting_products: np.ndarray, code_lengths: np.ndarray) -> _Rows:
    """Runs of one product's postings of one step, cut after 16."""
    steps = -(-code_lengths // _LENGTH_STEP)
    order = np.lexsort((posting_products, steps))
    products, steps = posting_products[order], steps[order]
    is_first = np.ones(len(order), bool)
    is_first[1:] = (products[1:] != products[:-1]) | (steps[1:] != steps[:-1])
    runs = np.flatnonzero(is_first)
    places = np.arange(len(order)) - runs[np.cumsum(is_first) - 1]  # within the run
    starts = np.flatnonzero(places % _MOST_SLOTS == 0)
    row = np.cumsum(places % _MOST_SLOTS == 0) - 1
    postings = np.full((len(starts), _MOST_SLOTS), NONE, np.int64)
    postings[row, places % _MOST_SLOTS] = order
    return _Rows(steps[starts], products[starts], np.diff(starts, append=len(order)), postings)
