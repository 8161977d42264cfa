"""Whether methods differ by more than the luck of the queries. Knows only figures."""

from collections.abc import Iterator, Mapping

import numpy as np

NUM_SAMPLES = 10_000
_CELLS_A_CHUNK = 4_000_000
_ROUNDING = 1e-9


def paired_randomisation(figures: Mapping[str, float], baseline: Mapping[str, float], *,
                         num_samples: int = NUM_SAMPLES, seed: int = 0) -> float:
    """The two-sided p-value of a paired randomisation test (Fisher) on the difference of means.

    Under the null hypothesis the two figures of a query could as well be swapped: the p-value is
    the share of random swaps whose mean difference is at least as large as the observed one, the
    observed one included.

    Args:
      figures: query_id -> figure of one method.
      baseline: query_id -> figure of the other, for the same queries.
      num_samples: random swaps drawn; where there are no more swaps than that, each is made once.
      seed: of the draws.

    Raises:
      ValueError: the two do not cover the same queries.

    Examples:
      >>> same = {"q1": 0.9, "q2": 0.8, "q3": 0.7}
      >>> paired_randomisation(same, same)
      1.0
    """
    if figures.keys() != baseline.keys():
        raise ValueError("the two methods are not measured on the same queries")
    pairs = np.array([[figures[query_id] for query_id in figures],
                      [baseline[query_id] for query_id in figures]], float)
    pairs = pairs[:, pairs[0] != pairs[1]]  # a swap of equals changes nothing
    return float(randomisation_p_values(pairs[:, :, None], num_samples=num_samples,
                                        seed=seed)[0, 1, 0])


def randomisation_p_values(figures: np.ndarray, *, num_samples: int = NUM_SAMPLES,
                           seed: int = 0) -> np.ndarray:
    """The p-values of `paired_randomisation` for all pairs of methods and all measures at once.

    The swaps of a query are drawn once for all pairs. The difference of a and b under swaps, sum_q
    s_q (a_q - b_q), is sum_q s_q a_q - sum_q s_q b_q: one matrix product gives every pair.

    Args:
      figures: float [methods, queries, measures].
      num_samples: see `paired_randomisation`.
      seed: of the draws.

    Returns:
      float64 [methods, methods, measures], symmetric; 1 on the diagonal.
    """
    num_methods, num_queries, num_measures = figures.shape
    columns = figures.transpose(1, 0, 2).astype(np.float64).reshape(
        num_queries, num_methods * num_measures)
    observed = np.abs(_all_differences(columns.sum(axis=0)[None], num_methods, num_measures))[0]
    every_swap = 2**min(num_queries, 60) <= num_samples
    extreme = np.zeros((num_methods, num_methods, num_measures), np.int64)
    for swaps in _swaps(num_queries, num_samples, every_swap, seed):
        sums = 2 * (swaps @ columns) - columns.sum(axis=0)  # of signs -1 and 1
        differences = np.abs(_all_differences(sums, num_methods, num_measures))
        # The tolerance keeps a swap that only rounds otherwise among the equals.
        extreme += (differences >= observed - _ROUNDING).sum(axis=0)
    if every_swap:
        return extreme / 2**num_queries
    return (extreme + 1) / (num_samples + 1)


def holm(p_values: np.ndarray) -> np.ndarray:
    """The p-values of one family of tests, corrected for their number (Holm, 1979).

    The smallest of m is multiplied by m, the next by m - 1 and so on, none below the one before and
    none above 1. Where those below 0.05 are called differences, the chance that any is none is
    below 0.05.

    Args:
      p_values: of any shape.
    """
    flat = np.asarray(p_values, float).ravel()
    order = np.argsort(flat, kind="stable")
    factors = np.arange(len(flat), 0, -1)
    corrected = np.empty_like(flat)
    corrected[order] = np.minimum(np.maximum.accumulate(flat[order] * factors), 1.0)
    return corrected.reshape(np.shape(p_values))


def _all_differences(sums: np.ndarray, num_methods: int, num_measures: int) -> np.ndarray:
    """Of sums [samples, methods * measures], by pair: [samples, methods, methods, measures]."""
    sums = sums.reshape(len(sums), num_methods, num_measures)
    return sums[:, :, None] - sums[:, None]


def _swaps(num_queries: int, num_samples: int, every_swap: bool, seed: int
           ) -> Iterator[np.ndarray]:
    """Which queries are swapped, as 0.0 and 1.0: [samples of a chunk, queries]."""
    if every_swap:
        numbers = np.arange(2**num_queries)[:, None]
        yield (numbers >> np.arange(num_queries) & 1).astype(np.float64)
        return
    rng = np.random.default_rng(seed)
    chunk = max(1, min(512, _CELLS_A_CHUNK // num_queries))
    for start in range(0, num_samples, chunk):
        size = min(chunk, num_samples - start)
        packed = rng.integers(0, 256, (size, -(-num_queries // 8)), np.uint8)
        yield np.unpackbits(packed, axis=1, count=num_queries).astype(np.float64)
