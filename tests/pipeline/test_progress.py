import sys

import pytest

from gram_jax.pipeline import progress
from gram_jax.pipeline.progress import duration, step_bar, training_figures

METRICS = {"loss": 1.2345, "tokens_per_second": 45678.9, "utilisation": 0.416}


def test_what_is_not_known_is_not_shown():
    assert training_figures(METRICS) == "loss 1.234 · 45,679 tokens/s · 42% of peak"
    assert training_figures({"loss": 1.2345}) == "loss 1.234"
    assert training_figures({}) == ""


@pytest.mark.parametrize("seconds, said", [(12.34, "12.3 s"), (270, "4.5 min"),
                                           (7500, "2 h 05 min")])
def test_durations_are_said_as_people_do(seconds, said):
    assert duration(seconds) == said


def test_a_log_gets_a_line_a_minute_with_the_time_left(monkeypatch, capsys):
    """The time left is by the steps of this process: a run that goes on was not that fast."""
    clock = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    with step_bar("train", 1000) as show:
        for step in range(501, 701):
            show(step, METRICS)
            clock[0] += 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert lines[0] == ("gram: train: step 561 of 1,000 · loss 1.234 · 45,679 tokens/s · "
                        "42% of peak · 7.3 min left")


def test_a_terminal_gets_a_bar_that_names_the_figures(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("FORCE_COLOR", "1")
    with step_bar("train", 10) as show:
        show(5, METRICS)
    said = capsys.readouterr().err
    assert "5/10" in said and "of peak" in said


def test_all_processes_but_one_are_silent(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with step_bar("train", 10, shown=False) as show:
        show(5, METRICS)
    assert capsys.readouterr().err == ""
