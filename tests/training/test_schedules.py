import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.core.errors import ConfigError
from gram_jax.training.schedules import warmup_constant, warmup_cosine, warmup_rsqrt

PEAK = 0.01


@given(st.integers(1, 50), st.integers(0, 200))
def test_every_schedule_rises_in_a_line_to_its_peak(warmup_steps, step):
    schedules = (warmup_constant(peak=PEAK, warmup_steps=warmup_steps),
                 warmup_rsqrt(peak=PEAK, warmup_steps=warmup_steps),
                 warmup_cosine(peak=PEAK, num_steps=300, warmup_steps=warmup_steps))
    for schedule in schedules:
        rate = float(schedule(step))
        assert 0 < rate <= PEAK * 1.000001
        if step < warmup_steps:
            assert rate == pytest.approx(PEAK * (step + 1) / warmup_steps, rel=1e-5)


@given(st.integers(0, 400))
def test_cosine_falls_along_half_a_wave_and_stays_at_its_floor(step):
    schedule = warmup_cosine(peak=PEAK, num_steps=200, warmup_steps=20, final_share=0.1)
    share = min(max(step - 20, 0) / 180, 1)
    expected = PEAK * min(1, (step + 1) / 20) * (0.1 + 0.9 * (1 + math.cos(math.pi * share)) / 2)
    assert float(schedule(step)) == pytest.approx(expected, rel=1e-4)


@given(st.integers(9, 10_000))
def test_rsqrt_halves_when_the_steps_grow_fourfold(step):
    schedule = warmup_rsqrt(peak=PEAK, warmup_steps=10)
    later = float(schedule(4 * (step + 1) - 1))
    assert later == pytest.approx(float(schedule(step)) / 2, rel=1e-4)


def test_without_warm_up_the_first_update_is_at_the_peak():
    firsts = [warmup_constant(peak=PEAK)(0), warmup_cosine(peak=PEAK, num_steps=9)(0)]
    assert np.allclose(firsts, PEAK)


def test_a_warm_up_longer_than_the_run_is_refused():
    with pytest.raises(ConfigError, match="warmup_steps 10"):
        warmup_cosine(peak=PEAK, num_steps=10, warmup_steps=10)
    with pytest.raises(ConfigError, match="warmup_steps 0"):
        warmup_rsqrt(peak=PEAK, warmup_steps=0)
