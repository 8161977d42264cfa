"""How well the text of a query predicts the values of the products that its shoppers want.

A code that queries cannot foretell cannot be learned, so mining asks this before anything else.
Knows values and words as columns of sparse matrices; nothing of codes.
"""

import numpy as np
from scipy import sparse

from gram_jax.attributes.value_table import ValueTable
from gram_jax.core.clicks import ClickTable

_PRIOR_QUERIES = 2.0
"""Queries' worth of doubt: a word seen once predicts nothing."""
_RATE_WITHOUT_CLICKS = 0.2
_PAIRS_AT_ONCE = 1 << 22
"""Bounds the memory of the look-ups in `predict_values`."""


def holding_matrix(table: ValueTable) -> sparse.csr_array:
    """The table as float32 [rows, values], 1 where the row holds the value."""
    return sparse.csr_array((np.ones(len(table.held), np.float32), table.held, table.starts),
                            shape=(table.num_rows, len(table.values)))


def click_shares(clicks: ClickTable, products: ValueTable) -> sparse.csr_array:
    """The share of every query's clicks that went to products with each value.

    Returns:
      float64 [queries, values], column indices rising; a row without clicks is empty.
    """
    totals = np.add.reduceat(np.append(clicks.weights, 0.0).astype(np.float64), clicks.starts[:-1])
    rows = clicks.rows
    shares = sparse.csr_array((clicks.weights / totals[rows], clicks.products, clicks.starts),
                              shape=(clicks.num_queries, products.num_rows))
    return _rising(shares @ holding_matrix(products))


def predict_values(words: sparse.csr_array, own: sparse.csr_array,
                   shares: sparse.csr_array) -> sparse.csr_array:
    """For every query with clicks, how surely its text predicts each value of what was clicked.

    A value that the text mentions has 1. Another one has what its best word promises,

        max over words w of  n(w, v) / (n(w) + prior),

    where n(w) counts the other queries with the word and n(w, v) the share of their clicks on
    products with the value: so 'sneaker' predicts 'running shoe' although no title says sneaker.

    Args:
      words: [queries, words], 1 where the query has the word.
      own: [queries, values], 1 where its text mentions the value.
      shares: what `click_shares` returned.

    Returns:
      float64 [queries, values] with the same stored entries as `shares`: certainties from 0 to 1.
    """
    clicked = np.diff(shares.indptr) > 0
    words = sparse.csr_array(sparse.diags_array(clicked.astype(np.float64)) @ words)
    words.eliminate_zeros()
    num_queries = np.asarray(words.sum(axis=0)).ravel()
    promised = _rising(words.T @ shares)
    keys, own_keys = _keys(promised), _keys(own)
    num_values = shares.shape[1]
    rows = np.repeat(np.arange(shares.shape[0], dtype=np.int32), np.diff(shares.indptr))
    best = np.zeros(shares.nnz)
    num_words = np.diff(words.indptr)
    for start in range(0, shares.nnz, _PAIRS_AT_ONCE):
        block = slice(start, min(start + _PAIRS_AT_ONCE, shares.nnz))
        of_query, values = rows[block], shares.indices[block].astype(np.int64)
        found = best[block]
        for slot in range(int(num_words[of_query].max(initial=0))):
            pairs = np.flatnonzero(num_words[of_query] > slot)
            word = words.indices[words.indptr[of_query[pairs]] + slot].astype(np.int64)
            # A query's own clicks are in the counts of each of its words, so the look-up finds
            # every pair; they are taken out again: a query must not foretell itself.
            place = np.searchsorted(keys, word * num_values + values[pairs])
            others = np.maximum(promised.data[place] - shares.data[block][pairs], 0.0)
            rate = others / (num_queries[word] - 1 + _PRIOR_QUERIES)
            # What is left of a subtraction of equals is no evidence.
            rate[(num_queries[word] < 2) | (others < 1e-9)] = 0.0
            found[pairs] = np.maximum(found[pairs], rate)
        found[_are_in(own_keys, of_query * np.int64(num_values) + values)] = 1.0
    return sparse.csr_array((best, shares.indices, shares.indptr), shape=shares.shape)


def naming_rates(predicted: sparse.csr_array, shares: sparse.csr_array) -> np.ndarray:
    """The mean certainty with which a query predicts each value of a product it wants.

    Every query counts once in all; values seen with few clicks lean on the mean of all values.

    Args:
      predicted: what `predict_values` returned.
      shares: what `click_shares` returned.

    Returns:
      float64 [values], above 0.
    """
    num_values = shares.shape[1]
    sure = np.bincount(shares.indices, weights=shares.data * predicted.data, minlength=num_values)
    count = np.bincount(shares.indices, weights=shares.data, minlength=num_values)
    mean = sure.sum() / count.sum() if sure.any() else _RATE_WITHOUT_CLICKS
    return (sure + _PRIOR_QUERIES * mean) / (count + _PRIOR_QUERIES)


def _rising(matrix) -> sparse.csr_array:
    matrix = sparse.csr_array(matrix)
    matrix.sort_indices()
    return matrix


def _keys(matrix: sparse.csr_array) -> np.ndarray:
    """The stored places as row * columns + column, rising."""
    rows = np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr))
    rows *= matrix.shape[1]
    rows += matrix.indices
    return rows


def _are_in(rising: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """bool [wanted]: whether each is one of the rising numbers."""
    if not len(rising):
        return np.zeros(len(wanted), bool)
    return rising[np.minimum(np.searchsorted(rising, wanted), len(rising) - 1)] == wanted
