"""The stage `align` through the real entry point: interrupted, resumed, and read by the index."""

import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from gram_jax.codes.code_table import CodeTable
from gram_jax.codes.generated_codes import GeneratedCodes
from gram_jax.data.preference_store import PreferenceStore
from gram_jax.models.params import digest_params
from gram_jax.pipeline.trained import load_trained
from gram_jax.testing.gram_command import gram, start_gram
from gram_jax.testing.row_files import write_rows
from gram_jax.testing.tiny_catalog import tiny_shop

SMALL = {"NUM_STEPS": 40, "BATCH_SIZE": 16, "VOCAB_SIZE": 400, "BEAM_SIZE": 3,
         "build_index.learned": None,
         "LEARNING_RATE": 5e-3, "warmup_cosine.warmup_steps": 1,
         "MiningSettings.min_products": 1, "MiningSettings.min_products_of_detail": 1,
         "ModelConfig.d_model": 16, "ModelConfig.d_ff": 16, "ModelConfig.num_heads": 2,
         "ModelConfig.head_dim": 8, "ModelConfig.num_encoder_layers": 1,
         "ModelConfig.num_decoder_layers": 1, "GazetteerSettings.min_value_products": 1,
         "ALIGN_STEPS": 30, "ALIGN_BATCH_SIZE": 8, "ALIGN_BEAM_SIZE": 4,
         "ALIGN_WARMUP_STEPS": 2, "ALIGN_LEARNING_RATE": 2e-3, "align.checkpoint_every": 10,
         "align.log_every": 5, "AlignmentSettings.multi_label_weight": 0.3,
         "AlignmentSettings.sft_weight": 0.1, "read_own_shop.test_share": 0.2,
         "read_own_shop.tune_share": 0.2}


@pytest.fixture(scope="module")
def experiment(tmp_path_factory) -> list[str]:
    """The tiny shop as files, trained but not aligned; the arguments that name all of it."""
    folder = tmp_path_factory.mktemp("align")
    shop = tiny_shop()
    write_rows(folder / "products.jsonl", [
        {"product_id": product.product_id, "title": product.title,
         **{name: values[0] for name, values in product.attributes.items()}}
        for product in shop.products])
    texts = {query.query_id: query.text for query in shop.queries}
    write_rows(folder / "clicks.csv", [
        {"query": texts[click.query_id], "product_id": click.product_id} for click in shop.clicks])
    arguments = [
        "--gin_file=gin/experiments/own_catalog.gin", "--gin_file=gin/runs/align.gin",
        f"--workdir={folder / 'workdir'}", f"--gin.PRODUCTS={folder / 'products.jsonl'}",
        f"--gin.CLICKS={folder / 'clicks.csv'}",
        *(f"--gin.{name}={value}" for name, value in SMALL.items())]
    gram("run", "--until=train", *arguments)
    return arguments


def workdir_of(experiment: list[str]) -> Path:
    return Path(next(argument.partition("=")[2] for argument in experiment
                     if argument.startswith("--workdir")))


@pytest.fixture(scope="module")
def aligned(experiment) -> Path:
    """The workdir after `align`, which was killed behind its first checkpoint and started again."""
    workdir = workdir_of(experiment)
    process = start_gram("align", *experiment)
    unfinished, deadline = workdir / "align.unfinished" / "checkpoints", time.monotonic() + 250
    while not list(unfinished.glob("[0-9]*")) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    done = gram("align", *experiment)
    assert "going on where it stopped" in done.stderr or "up to date" in done.stderr
    return workdir


def test_it_leaves_parameters_preferences_and_a_report(aligned):
    folder = aligned / "align"
    (_, before), (_, after) = load_trained(aligned / "train"), load_trained(folder)
    assert digest_params(before) != digest_params(after)
    table = CodeTable.load(aligned / "codes" / "table")
    store = PreferenceStore.load(folder / "preferences.npz", table_digest=table.digest,
                                 params_digest=digest_params(before))
    clicked = {(click.query_id, click.product_id) for click in tiny_shop().clicks}
    assert 0 < len(store.pair_queries) <= len(clicked)
    assert np.isfinite(store.of_queries.token_log_probs).all()
    assert not (folder / "generated.chunks").exists()
    steps = [json.loads(line)["step"]
             for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert steps == [5, 10, 15, 20, 25, 30]


def test_the_report_says_how_many_pairs_win_and_how_far_both_sides_moved(aligned):
    report = json.loads((aligned / "align" / "report.json").read_text())
    pairs = report["pairs"]
    assert pairs["pairs_with_a_winner"] == \
        pairs["pairs_that_share_a_code"] + pairs["pairs_with_a_mined_winner"]
    assert report["before"]["margin"] == pytest.approx(0, abs=1e-3), "the reference is the start"
    assert report["before"]["preference_loss"] == pytest.approx(np.log(2), abs=1e-3)
    assert report["gained"]["margin"] > 0 and report["gained"]["preference_loss"] < 0
    assert {"query_log_prob", "product_log_prob", "query_lead", "product_lead",
            "query_gradient_share"} <= set(report["after"])
    counts = json.loads((aligned / "align" / "manifest.json").read_text())["counts"]
    assert counts["complaints"] == len(report["complaints"])
    assert counts["clicked_pairs"] == pairs["clicked_pairs"]


def test_the_index_is_built_with_the_aligned_model(aligned, experiment):
    gram("index", *experiment, "--gin.GENERATED_CODES=3")
    manifest = json.loads((aligned / "index" / "manifest.json").read_text())
    assert set(manifest["inputs"]) >= {"train", "align"}
    found = json.loads(gram("search", f"--workdir={aligned}", "red shoe", "--json").stdout)
    assert found["codes"]


def test_its_generated_codes_become_postings_beside_the_mined_ones(aligned, experiment):
    gram("index", *experiment, "--gin.GENERATED_CODES=3")
    mined = CodeTable.load(aligned / "codes" / "table")
    generated = GeneratedCodes.load(aligned / "index" / "generated_codes")
    united = CodeTable.load(aligned / "index" / "index" / "table")
    assert generated.ids == mined.product_ids and set(np.diff(generated.starts)) == {3}
    assert united.digest == generated.united_with(mined).digest != mined.digest
    assert not list((aligned / "index").glob("*chunks*"))


def test_complaints_are_loud(experiment):
    done = gram("align", *experiment, "--gin.ALIGN_LEARNING_RATE=1e-12", "--gin.ALIGN_STEPS=3")
    assert "align: WARNING: " in done.stderr

