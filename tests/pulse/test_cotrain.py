"""Relevance and co-training through the real entry point: what they leave, what a kill costs."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from gram_jax.alignment.text_relevance import TextRelevance
from gram_jax.codes.code_table import CodeTable
from gram_jax.codes.examples import read_code_examples
from gram_jax.testing.gram_command import finish_gram, start_gram
from gram_jax.testing.row_files import write_rows
from gram_jax.testing.tiny_catalog import tiny_shop

SMALL = {
    "build_index.learned": None,
    "NUM_STEPS": 6, "BATCH_SIZE": 8, "VOCAB_SIZE": 400, "BEAM_SIZE": 3, "INPUT_LENGTH": 16,
    "warmup_cosine.warmup_steps": 1, "CodeTraining.checkpoint_every": 2,
    "CodeTraining.evaluate_every": 2, "CodeTraining.log_every": 2,
    "MiningSettings.min_products": 1, "MiningSettings.min_products_of_detail": 1,
    "ModelConfig.d_model": 16, "ModelConfig.d_ff": 16, "ModelConfig.num_heads": 2,
    "ModelConfig.head_dim": 8, "ModelConfig.num_encoder_layers": 1,
    "ModelConfig.num_decoder_layers": 1, "ModelConfig.dropout_rate": 0.1,
    "RELEVANCE_STEPS": 4, "RELEVANCE_BATCH_SIZE": 4, "relevance/warmup_cosine.warmup_steps": 1,
    "train_relevance.held_out_share": 0.3, "train_relevance.checkpoint_every": 2,
    "RelevanceConfig.num_ngrams": 256, "RelevanceConfig.d_model": 16, "RelevanceConfig.d_ff": 16,
    "RelevanceConfig.head_dim": 8, "COTRAIN_ROUNDS": 2, "COTRAIN_STEPS": 8,
    "COTRAIN_BEAM_SIZE": 6, "cotrain/warmup_cosine.warmup_steps": 1,
    "CotrainingSettings.floor_quantile": 0.1, "cotrain.batch_size": 4,
    "read_own_shop.test_share": 0.2, "read_own_shop.tune_share": 0.2}


@pytest.fixture(scope="module")
def experiment(tmp_path_factory) -> tuple[list[str], Path]:
    """The settings of the tiny shop, and a workdir in which all but co-training is done."""
    folder = tmp_path_factory.mktemp("cotrain")
    shop = tiny_shop()
    products = write_rows(folder / "products.jsonl", [
        {"product_id": product.product_id, "title": product.title,
         **{name: values[0] for name, values in product.attributes.items()}}
        for product in shop.products])
    texts = {query.query_id: query.text for query in shop.queries}
    clicks = write_rows(folder / "clicks.csv", [
        {"query": texts[click.query_id], "product_id": click.product_id} for click in shop.clicks])
    settings = ["--gin_file=gin/experiments/own_catalog.gin", "--gin_file=gin/runs/cotrain.gin",
                f"--gin.PRODUCTS={products}", f"--gin.CLICKS={clicks}",
                *(f"--gin.{name}={value}" for name, value in SMALL.items())]
    finish_gram(start("run", [*settings, "--until=train"], folder / "before"))
    return settings, folder / "before"


def start(command: str, settings: list[str], workdir: Path) -> subprocess.Popen:
    return start_gram(command, *settings, f"--workdir={workdir}")


@pytest.fixture(scope="module")
def whole(experiment) -> Path:
    """A workdir whose co-training nobody disturbed."""
    settings, before = experiment
    workdir = before.with_name("whole")
    shutil.copytree(before, workdir)
    finish_gram(start("cotrain", settings, workdir))
    return workdir


def test_relevance_reports_areas_beside_plain_word_matching(experiment):
    _, workdir = experiment
    report = json.loads((workdir / "relevance" / "report.json").read_text())
    for way in ("relevance model", "BM25", "word overlap"):
        assert 0 <= report["held-out clicks"][way]["auc"] <= 1
    relevance = TextRelevance.load(workdir / "relevance")
    assert relevance.cut == report["cut"]
    assert np.isfinite(relevance.score([("red shoe", "red running shoe")])).all()


def test_each_round_adds_to_the_examples_and_takes_nothing_away(whole):
    codes = {code.text for code in CodeTable.load(whole / "codes" / "table").codes}
    report = json.loads((whole / "cotrain" / "report.json").read_text())
    assert len(report["rounds"]) == 2
    before = whole / "codes"
    for number, told in enumerate(report["rounds"], start=1):
        folder = whole / "cotrain" / f"round-{number}" / "examples"
        for side, name in (("queries", "query_codes"), ("products", "product_codes")):
            old, new = ({example.example_id: example for example in read_code_examples(
                path / f"{name}.train.jsonl")} for path in (before, folder))
            for key, example in new.items():
                assert set(example.codes) <= codes
                assert len(set(example.codes)) == len(example.codes)
                known = old[key].codes if key in old else ()
                assert example.codes[:len(known)] == known
            assert set(old) <= set(new)
            counts = told[side]
            assert sum(len(example.codes) for example in old.values()) == counts["pairs_before"]
            assert sum(len(example.codes) for example in new.values()) == counts["pairs"] \
                == counts["pairs_before"] + counts["kept"]
            assert counts["kept"] <= counts["proposed"]
        assert (folder / "query_codes.tune.jsonl").read_bytes() == (
            whole / "codes" / "query_codes.tune.jsonl").read_bytes()
        assert told["training"]["tune/loss"] > 0
        assert 0 <= told["tune"]["relevant_products_reached"] <= 1
        before = folder
    assert report["before"]["training"]["tune/loss"] > 0
    assert report["relevance"]["cut_on"] in ("tune grades", "held-out clicks")


def test_it_leaves_what_train_leaves_and_later_stages_read_it(experiment, whole):
    settings, _ = experiment
    for name in ("params.npz", "model.json"):
        assert (whole / "cotrain" / name).is_file()
    assert (whole / "cotrain" / "params.npz").read_bytes() != (
        whole / "train" / "params.npz").read_bytes()
    finish_gram(start("index", settings, whole))
    inputs = json.loads((whole / "index" / "manifest.json").read_text())["inputs"]
    assert "cotrain" in inputs


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_a_kill_at_any_step_loses_no_step_that_was_done(experiment, whole):
    settings, before = experiment
    workdir = before.with_name("broken")
    shutil.copytree(before, workdir)
    unfinished = workdir / "cotrain.unfinished"
    done: dict[Path, int] = {}
    for step in ("floors.npz", "round-1/generated/queries", "round-1/training/metrics.jsonl",
                 "round-1/examples", "round-1/report.json", "round-2/generated/products",
                 "round-2/params.npz"):
        process = start("cotrain", settings, workdir)
        deadline = time.monotonic() + 240
        while not (unfinished / step).exists() and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        _, said = process.communicate()
        if process.returncode == 0:
            break  # it was faster than we
        assert not (workdir / "cotrain").exists(), said
        for path, modified in done.items():
            assert path.stat().st_mtime_ns == modified, f"{path} was made again"
        done = {path: path.stat().st_mtime_ns for pattern in (
            "floors.npz", "before.json", "round-*/generated/*/arrays.npz",
            "round-*/examples/*", "round-*/params.npz", "round-*/report.json")
            for path in unfinished.glob(pattern)}
    finish_gram(start("cotrain", settings, workdir))
    for name in ("params.npz", "report.json"):
        assert (workdir / "cotrain" / name).read_bytes() == (
            whole / "cotrain" / name).read_bytes(), name


def test_a_shop_without_clicks_has_nothing_to_learn_relevance_from(experiment, tmp_path):
    settings, _ = experiment
    process = start("run", [*settings, "--gin.CLICKS=None"], tmp_path / "w")
    said = finish_gram(process, code=2).stderr
    assert "Traceback" not in said
    assert "clicks" in said and "relevance.gin" in said
