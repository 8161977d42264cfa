import json
import re

import pytest

from gram_jax.pipeline.run_page import STAGE_PAGE, run_page, write_stage_page
from gram_jax.pipeline.run_summary import run_summary
from gram_jax.pipeline.workdir import Manifest, Workdir

ROWS = [{"step": 5, "loss": 2.0, "tokens_per_second": 900.0},
        {"step": 10, "loss": 1.0, "tune/loss": 1.5, "tune/recall@10": 0.25, "tune/reach": 0.5}]
STAGES = ("prepare", "train", "cotrain", "evaluate")


def manifest(stage, **counts):
    return Manifest(stage=stage, digest="d", inputs={}, settings={"BATCH": "<8>"}, fingerprint="f",
                    versions={"jax": "0.10"}, started="2026-01-01T00:00:00", seconds=3.0,
                    counts=counts)


def write_rows(folder, rows=ROWS, tail=""):
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in rows) + tail
    (folder / "metrics.jsonl").write_text(text)


@pytest.fixture
def workdir(tmp_path):
    """A finished train stage, and a co-training that is at its second round."""
    workdir = Workdir(tmp_path)
    for stage in ("prepare", "train"):
        folder, _ = workdir.open_unfinished(stage, "f")
        if stage == "train":
            write_rows(folder)
        workdir.finish(stage, folder, manifest(stage, best_step=10, ended_early=True))
    for number in (1, 2):
        write_rows(tmp_path / "cotrain.unfinished" / f"round-{number}" / "training",
                   tail='{"step": 15, "lo')  # a row that is being written
    return workdir


def test_every_training_has_its_curves_also_while_it_runs(workdir):
    summary = run_summary(workdir, STAGES)
    assert [stage.stage for stage in summary.stages] == ["prepare", "train"]
    assert summary.unfinished == ("cotrain",)
    assert [training.name for training in summary.trainings] == [
        "train", "cotrain, unfinished, round-1", "cotrain, unfinished, round-2"]
    for training in summary.trainings:
        curves = {curve.name: (curve.steps, curve.values) for curve in training.curves}
        assert curves["loss"] == ([5, 10], [2.0, 1.0]) and curves["tune/loss"] == ([10], [1.5])


def test_the_page_says_what_the_manifests_and_the_metrics_say(workdir):
    page = run_page(run_summary(workdir, STAGES))
    assert page.count("<svg") == 3 * 3 + 1  # loss, recall and tokens of each; durations
    assert "recall@10" in page and "reach" in page
    assert "ended early" in page and "best: step 10" in page
    assert "&lt;8&gt;" in page and "<8>" not in page
    assert not re.search(r'(src|href)="(?!#)', page), "the page needs nothing else"
    anchors = re.findall(r'href="#([^"]*)"', page)
    assert len(set(anchors)) == len(anchors) and all(f'id="{key}"' in page for key in anchors)


def test_a_run_that_has_hardly_begun_has_a_page(tmp_path):
    write_rows(tmp_path / "train.unfinished", rows=[])
    assert "unfinished: train" in run_page(run_summary(Workdir(tmp_path), STAGES))


def test_the_report_is_shown(workdir):
    folder, _ = workdir.open_unfinished("evaluate", "f")
    (folder / "report.json").write_text(json.dumps({
        "queries": 40, "products": 300, "methods": [
            {"name": "GRAM", "figures": {"recall@10": 0.5}, "distinct_products_per_query": 9.0,
             "invalid_code_share": 0.0, "ms_per_query": 1.0}]}))
    workdir.finish("evaluate", folder, manifest("evaluate"))
    page = run_page(run_summary(workdir, STAGES))
    assert "40 queries, 300 products" in page and "0.5000" in page


def test_a_stage_that_trained_leaves_a_page_and_another_leaves_none(tmp_path):
    write_stage_page(tmp_path, manifest("prepare"))
    assert list(tmp_path.iterdir()) == []
    write_rows(tmp_path)
    write_stage_page(tmp_path, manifest("train", best_step=10))
    assert "Training: train" in (tmp_path / STAGE_PAGE).read_text()
