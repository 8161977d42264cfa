"""Whether two methods differ by more than the luck of the queries. Knows only figures."""

from collections.abc import Mapping

import numpy as np

_SAMPLES_A_CHUNK = 500


def paired_randomisation(figures: Mapping[str, float], baseline: Mapping[str, float], *,
                         num_samples: int = 10_000, seed: int = 0) -> float:
    """The two-sided p-value of a paired randomisation test (Fisher) on the difference of means.

    Under the null hypothesis the two figures of a query could as well be swapped: the p-value is
    the share of random swaps whose mean difference is at least as large as the observed one, the
    observed one included.

    Args:
      figures: query_id -> figure of one method.
      baseline: query_id -> figure of the other, for the same queries.
      num_samples: random swaps drawn.
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
    differences = np.array([figures[query_id] - baseline[query_id] for query_id in figures])
    differences = differences[differences != 0]  # a swap of equals changes nothing
    if not len(differences):
        return 1.0
    observed = abs(differences.sum())
    rng = np.random.default_rng(seed)
    extreme = 0
    for start in range(0, num_samples, _SAMPLES_A_CHUNK):
        shape = (min(_SAMPLES_A_CHUNK, num_samples - start), len(differences))
        signs = rng.integers(0, 2, shape, dtype=np.int8) * 2 - 1
        # The tolerance keeps a swap that only rounds otherwise among the equals.
        extreme += int((np.abs(signs @ differences) >= observed - 1e-9).sum())
    return (extreme + 1) / (num_samples + 1)
