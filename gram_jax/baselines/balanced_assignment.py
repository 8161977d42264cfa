"""Shares products out evenly among codewords at little cost: optimal transport, made whole.

LC-Rec (arXiv 2311.09049) asks of the last level that every codeword is given as much as every
other, its uniform semantic mapping, and solves it by Sinkhorn-Knopp with the distances as costs.
Two things are put differently here. Codewords are capacities where there are more of them than
products, with a slack row that takes what is free: forced to be used evenly, they would split each
product among many of them, and the greatest part of it need not lie near. And the plan is rounded
within the bound, where taking each product's greatest part alone may still pile products up.

The work is that of costs times iterations, whatever the size of the group. Knows costs only.
"""

import numpy as np

_EPSILON = 0.0015
_COOLING = 0.5


def balanced_assignment(costs: np.ndarray, *, epsilon: float = _EPSILON,
                        num_iterations: int = 100) -> np.ndarray:
    """A codeword for each product, every codeword as often as every other, give or take one.

    Of n products each of k codewords is given floor(n / k) or ceil(n / k): none twice, where there
    are at least as many codewords as products. Where every product's cheapest codeword keeps to
    that, it is the result; else the result is the cheapest there is up to what `epsilon` blurs.

    Args:
      costs: float [products, codewords], finite.
      epsilon: weight of the plan's entropy, as a share of the costs' range.
      num_iterations: of Sinkhorn-Knopp at each temperature on the way to `epsilon`, at most.

    Returns:
      int32 [products].

    Raises:
      ValueError: the costs are not finite or have another shape, or a setting is not positive.
    """
    costs = np.asarray(costs, np.float64)
    if costs.ndim != 2 or not costs.shape[1] or not np.isfinite(costs).all():
        raise ValueError(f"costs {costs.shape} are not finite numbers [products, codewords]")
    if epsilon <= 0 or num_iterations < 1:
        raise ValueError(f"epsilon={epsilon} and num_iterations={num_iterations} must be positive")
    num_products, num_codewords = costs.shape
    floor, num_extra = divmod(num_products, num_codewords)
    cheapest = costs.argmin(axis=1).astype(np.int32)
    counts = np.bincount(cheapest, minlength=num_codewords)
    if counts.min() >= floor and counts.max() <= floor + (num_extra > 0):
        return cheapest
    log_shares = _log_shares(costs / (np.ptp(costs) or 1.0), floor, num_extra, epsilon,
                             num_iterations)
    return _rounded(log_shares, floor, num_extra)


def sinkhorn(costs: np.ndarray, row_masses: np.ndarray, column_masses: np.ndarray, *,
             epsilon: float, num_iterations: int = 100, tolerance: float = 0.01) -> np.ndarray:
    """The logarithm of the entropic transport plan (Cuturi, NIPS 2013), cooled to `epsilon`.

    Minimises sum(P * costs) + epsilon * sum(P * ln P) over plans P with these sums. Each
    temperature on the way starts from the prices of the one before, so that a small `epsilon`
    needs few iterations and nothing underflows.

    Args:
      costs: float64 [rows, columns]; inf forbids.
      row_masses: float64 [rows], above 0.
      column_masses: float64 [columns], above 0, with the same total.
      epsilon: weight of the entropy, in units of the costs.
      num_iterations: at each temperature, at most.
      tolerance: by how much a price may still move, in units of the temperature, to be left.

    Returns:
      float64 [rows, columns], ln P. Rows have their masses; columns do up to what is left to move.
    """
    log_rows, log_columns = np.log(row_masses), np.log(column_masses)
    finite = costs[np.isfinite(costs)]
    temperature = max(epsilon, float(np.ptp(finite)))
    columns = np.zeros(costs.shape[1])  # their dual prices, in units of the costs
    while True:
        kernel, prices = -costs / temperature, columns / temperature
        for _ in range(num_iterations):
            rows = log_rows - _log_sum_exp(kernel + prices, axis=1)
            before = prices
            prices = log_columns - _log_sum_exp(kernel + rows[:, None], axis=0)
            if np.abs(prices - before).max() < tolerance:
                break
        if temperature <= epsilon:
            rows = log_rows - _log_sum_exp(kernel + prices, axis=1)
            return kernel + rows[:, None] + prices
        columns = prices * temperature
        temperature = max(epsilon, temperature * _COOLING)


def _log_sum_exp(values: np.ndarray, axis: int) -> np.ndarray:
    """SciPy's logsumexp costs ten times as much on arrays as small as most are here."""
    peaks = values.max(axis=axis, keepdims=True)
    return np.squeeze(np.log(np.exp(values - peaks).sum(axis=axis, keepdims=True)) + peaks, axis)


def _log_shares(costs: np.ndarray, floor: int, num_extra: int, epsilon: float,
                num_iterations: int) -> np.ndarray:
    """ln of how much of each product goes to each codeword: float64 [products, codewords].

    A codeword has `floor` places that must be taken and, where products are over, one that may be;
    a slack row takes the places that stay free.
    """
    num_products, num_codewords = costs.shape
    parts, masses = [], []
    if floor:
        parts.append(np.pad(costs, ((0, num_extra > 0), (0, 0)), constant_values=np.inf))
        masses.append(np.full(num_codewords, float(floor)))
    if num_extra:
        parts.append(np.pad(costs, ((0, 1), (0, 0))))
        masses.append(np.ones(num_codewords))
    rows = np.ones(num_products)
    if num_extra:
        rows = np.append(rows, float(num_codewords - num_extra))
    plan = sinkhorn(np.concatenate(parts, axis=1), rows, np.concatenate(masses), epsilon=epsilon,
                    num_iterations=num_iterations)
    return np.logaddexp.reduce(np.split(plan[:num_products], len(parts), axis=1), axis=0)


def _rounded(log_shares: np.ndarray, floor: int, num_extra: int) -> np.ndarray:
    """One codeword for each product, in rounds: each asks where most of it goes and there is room.

    In a round the surest are let in first. At least one is, so that the rounds end.
    """
    num_products, num_codewords = log_shares.shape
    chosen = np.full(num_products, -1, np.int32)
    room = np.full(num_codewords, floor)
    may_have_extra = np.ones(num_codewords, bool)
    while (waiting := np.flatnonzero(chosen < 0)).size:
        is_open = (room > 0) | (may_have_extra & (num_extra > 0))
        shares = np.where(is_open, log_shares[waiting], -np.inf)
        asked = shares.argmax(axis=1)
        # The surest first, and those who ask for one codeword together.
        order = np.lexsort((-shares[np.arange(len(waiting)), asked], asked))
        asked, surest = asked[order], shares[order, asked[order]]
        place = np.arange(len(asked)) - np.searchsorted(asked, asked, side="left")
        within = place < room[asked]
        extra = np.flatnonzero((place == room[asked]) & may_have_extra[asked])
        extra = extra[np.argsort(-surest[extra], kind="stable")][:num_extra]
        may_have_extra[asked[extra]] = False
        num_extra -= len(extra)
        let_in = np.concatenate([np.flatnonzero(within), extra])
        chosen[waiting[order[let_in]]] = asked[let_in]
        room -= np.bincount(asked[within], minlength=num_codewords)
    return chosen
