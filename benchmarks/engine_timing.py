"""Times several systems on the same queries, in turns, and says whether they agree.

Rounds go A B C, C B A, A B C, ... with new queries each, and a pause before every search: torch's
threads go on spinning for some milliseconds after it has finished and would slow down the next.
"""

import statistics
import time

import numpy as np

PAUSE_SECONDS = 0.1
TOLERANCE = 1e-4
"""By which scores of the same code may differ; they are sums of up to 14 log-probabilities."""


def compare(systems, queries: np.ndarray) -> dict[str, dict]:
    """For each system, on how many queries its codes, in order, and scores are those of the first.

    Args:
      systems: what has `codes`; the first is compared with.
      queries: int32 [batches, batch, length].
    """
    reference = [row for batch in queries for row in systems[0].codes(batch)]
    return {system.name: _agreement(
        reference, [row for batch in queries for row in system.codes(batch)])
        for system in systems[1:]}


def _agreement(reference, found) -> dict:
    num_equal, num_tied, worst = 0, 0, 0.0
    for ours, theirs in zip(reference, found, strict=True):
        scores, their_scores = dict(ours), dict(theirs)
        common = scores.keys() & their_scores.keys()
        worst = max([worst, *(abs(scores[code] - their_scores[code]) for code in common)])
        num_equal += [code for code, _ in ours] == [code for code, _ in theirs]
        num_tied += len(ours) == len(theirs) and all(
            abs(a - b) < TOLERANCE for (_, a), (_, b) in zip(ours, theirs))
    return {"queries": len(reference), "same_codes": num_equal, "same_scores": num_tied,
            "largest_difference": worst}


def interleaved(systems, queries: np.ndarray, rounds: int) -> dict[str, dict]:
    """Milliseconds a query of every system: the median, the quartiles, each round.

    Args:
      systems: what has `search`; all are called once before, which compiles.
      queries: int32 [batches, batch, length], one batch a round in turn.
      rounds: how many.
    """
    times: dict[str, list[float]] = {system.name: [] for system in systems}
    for system in systems:
        system.search(queries[0])
    for number in range(rounds):
        batch = queries[number % len(queries)]
        for system in systems if number % 2 == 0 else systems[::-1]:
            time.sleep(PAUSE_SECONDS)
            start = time.perf_counter()
            system.search(batch)
            times[system.name].append(1e3 * (time.perf_counter() - start) / len(batch))
    return {name: summary(values) for name, values in times.items()}


def summary(values: list[float]) -> dict:
    low, _, high = statistics.quantiles(values, n=4) if len(values) > 1 else values * 3
    return {"median": statistics.median(values), "quartiles": [low, high], "rounds": values}
