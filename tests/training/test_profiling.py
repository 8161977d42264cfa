import types

import jax
import jax.numpy as jnp
import pytest

from gram_jax.core.errors import ConfigError
from gram_jax.training.profiling import ProfiledSteps, ProfileHook


@pytest.fixture
def traced(monkeypatch):
    """Calls of the profiler, instead of traces."""
    calls = []
    monkeypatch.setattr(jax.profiler, "start_trace", lambda folder: calls.append("start"))
    monkeypatch.setattr(jax.profiler, "stop_trace", lambda: calls.append("stop"))
    return calls


def run(hook, steps, calls):
    state = types.SimpleNamespace(step=jnp.zeros(()))
    for step in steps:
        calls.append(step)
        hook(step, state, {})


@pytest.mark.parametrize("steps, within", [
    (range(1, 9), [4, 5, 6]),  # the steps between start and stop
    (range(5, 9), [6]),        # goes on within the range
    (range(7, 9), []),         # goes on behind it
    (range(1, 6), [4, 5]),     # ends within it
    (range(1, 3), []),
])
def test_the_steps_after_the_first_up_to_the_last_are_traced(traced, tmp_path, steps, within):
    with ProfileHook(ProfiledSteps(3, 6), tmp_path) as hook:
        run(hook, steps, traced)
    assert traced.count("start") == traced.count("stop") == bool(within)
    if within:
        inside = traced[traced.index("start") + 1:traced.index("stop")]
        assert inside == within


def test_a_run_that_fails_ends_its_trace(traced, tmp_path):
    with pytest.raises(KeyError), ProfileHook(ProfiledSteps(1, 5), tmp_path) as hook:
        run(hook, [1, 2], traced)
        raise KeyError
    assert traced == [1, "start", 2, "stop"]


def test_a_trace_is_written(tmp_path):
    with ProfileHook(ProfiledSteps(1, 2), tmp_path) as hook:
        run(hook, [1, 2, 3], [])
    assert [path for path in tmp_path.rglob("*.xplane.pb") if path.stat().st_size]


@pytest.mark.parametrize("text", ["", "5", "5:", "5:5", "0:3", "7:3", "-1:3", "a:b", "1:2:3"])
def test_other_ranges_are_refused(text):
    with pytest.raises(ConfigError, match="profiled steps"):
        ProfiledSteps.parse(text)


def test_a_range_is_read():
    assert ProfiledSteps.parse("100:110") == ProfiledSteps(100, 110)
