"""`gram run` that watches its training: it ends early on the best params, and traces some steps."""

import json

from gram_jax.testing.gram_command import gram

SETTINGS = ["--gin_file=gin/experiments/quickstart.gin",
            "--gin_file=gin/experiments/quickstart_pulse.gin",
            "--gin.CodeTraining.evaluate_every=4",
            "--gin.CodeTraining.watch=@WatchSettings()", "--gin.WatchSettings.min_gain=0.9",
            "--gin.WatchSettings.patience=2", "--gin.CodeTraining.peak_flops=1e12"]


def test_a_watched_training_ends_early_and_traces_its_steps(tmp_path):
    refused = gram("run", *SETTINGS, "--gin.WatchSettings.metric=tune/recall@7",
                   "--until=train", f"--workdir={tmp_path}", code=2).stderr
    assert "'tune/recall@7'" in refused and "tune/recall@10" in refused
    gram("train", *SETTINGS, "--gin.WatchSettings.metric=tune/recall@10",
         f"--workdir={tmp_path}", "--profile_steps=5:7")
    # No gain of 0.9 is possible, so that the first measurement is the best and two more end it.
    counts = json.loads((tmp_path / "train" / "manifest.json").read_text())["counts"]
    assert (counts["steps"], counts["best_step"], counts["ended_early"]) == (12, 4, True)
    rows = [json.loads(line) for line in
            (tmp_path / "train" / "metrics.jsonl").read_text().splitlines()]
    assert rows[-1]["step"] == 12 and 0 < rows[-1]["utilisation"] < 1
    assert list((tmp_path / "train" / "profile").rglob("*.xplane.pb"))
    assert list((tmp_path / "train" / "tensorboard").iterdir())
    assert "ended early" in (tmp_path / "train" / "summary.html").read_text()


def test_a_range_of_steps_that_is_none_is_refused(tmp_path):
    said = gram("run", *SETTINGS, f"--workdir={tmp_path}", "--profile_steps=7", code=2).stderr
    assert "100:110" in said
