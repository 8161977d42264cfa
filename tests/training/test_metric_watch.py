import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.core.errors import ConfigError
from gram_jax.training.metric_watch import MetricWatch, WatchSettings

VALUES = st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.25, 0.5, float("nan")]), max_size=12)


def watch(**settings):
    return MetricWatch(WatchSettings(metric="tune/recall@10", **settings))


def seen(values, watch, first=1):
    """The steps at which the watch saw a best value, until it stops."""
    best = []
    for step, value in enumerate(values, first):
        if watch.stops:
            break
        if watch.see(step, {"tune/recall@10": value, "tune/loss": 1.0}):
            best.append(step)
    return best


@given(VALUES, st.integers(1, 4), st.booleans(), st.sampled_from([0.0, 0.1]))
def test_it_stops_when_the_last_so_many_values_were_no_better_than_the_best_before(
    values, patience, higher, gain
):
    """Read off the whole list of values, without a running best."""
    sign = 1 if higher else -1

    def best_of(known):
        best = None
        for at, value in enumerate(known):
            if value == value and (best is None or sign * (value - known[best]) > gain):
                best = at
        return best

    stop = next((n for n in range(1, len(values) + 1)
                 if n - 1 - (-1 if (b := best_of(values[:n])) is None else b) >= patience),
                len(values))
    found = watch(patience=patience, higher_is_better=higher, min_gain=gain)
    best = seen(values, found)
    last = best_of(values[:stop])
    assert found.last_step == (stop or None)
    assert found.best_step == (None if last is None else last + 1)
    assert best == [n for n in range(1, stop + 1) if best_of(values[:n]) == n - 1]


@given(VALUES, st.integers(0, 12))
def test_one_that_recalls_goes_on_as_one_that_never_forgot(values, cut):
    whole, first, second = (watch(patience=3) for _ in range(3))
    best = seen(values, whole)
    found = seen(values[:cut], first)
    second.recall(json.loads(json.dumps(first.memory())))
    found += seen(values[cut:], second, first=cut + 1)
    assert found == best and second.memory() == whole.memory()
    assert second.stops == whole.stops


def test_what_is_remembered_of_another_metric_is_no_use():
    one, other = watch(), MetricWatch(WatchSettings(metric="tune/loss", higher_is_better=False))
    one.see(5, {"tune/recall@10": 0.3})
    other.recall(one.memory())
    other.recall({})
    assert other.best_step is None


def test_steps_without_a_measurement_do_not_count():
    found = watch(patience=1)
    found.see(1, {"tune/recall@10": 0.3})
    assert not found.see(2, {}) and not found.stops and found.last_step == 1


def test_a_metric_that_nothing_measures_is_named_beside_those_that_there_are():
    with pytest.raises(ConfigError, match="measured is: tune/accuracy, tune/loss"):
        watch().see(1, {"tune/loss": 1.0, "tune/accuracy": 0.5})


@pytest.mark.parametrize("wrong", [{"patience": 0}, {"min_gain": -0.1}])
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ConfigError):
        watch(**wrong)
