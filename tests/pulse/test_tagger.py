"""The tagger through the real entry point: with a shop, without one, interrupted, and at work."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gram_jax.attributes.normalize import normalize_value
from gram_jax.attributes.reading import ShopAttributes
from gram_jax.attributes.tagged_files import read_tagged
from gram_jax.attributes.value_table import row_values
from gram_jax.catalog.shop import read_shop
from gram_jax.testing.gram_command import ROOT, gram
from gram_jax.testing.row_files import write_rows
from gram_jax.testing.tiny_catalog import tiny_shop

TITLES = [
    {"id": str(number), "source": "oa-mine", "title": f"{brand} Women's {kind}, {color}",
     "attributes": {"Brand": [brand], "Shoe type": [kind], "Color": [color], "Gender": ["Women"]}}
    for number, (brand, kind, color) in enumerate(
        (brand, kind, color) for brand in ("Crocs", "New Balance", "Nike")
        for kind in ("Sandal", "Ballet Flat") for color in ("Red", "Navy Blue"))]
SMALL = ["--gin.TAGGER_STEPS=12", "--gin.TAGGER_BATCH_SIZE=4", "--gin.TaggerConfig.d_model=16",
         "--gin.TaggerConfig.d_ff=16", "--gin.TaggerConfig.num_heads=1",
         "--gin.TaggerConfig.ngram_size=8", "--gin.TaggerConfig.num_layers=1",
         "--gin.TAGGER_WARMUP_STEPS=2", "--gin.train_tagger.num_ngrams=256",
         "--gin.train_tagger.checkpoint_every=4", "--gin.train_tagger.log_every=4"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Annotated titles and the tiny shop as files."""
    folder = tmp_path_factory.mktemp("tagger")
    write_rows(folder / "titles.jsonl.gz", TITLES)
    shop = tiny_shop()
    write_rows(folder / "products.jsonl", [
        {"product_id": product.product_id, "title": product.title,
         **{name: values[0] for name, values in product.attributes.items()}}
        for product in shop.products])
    texts = {query.query_id: query.text for query in shop.queries}
    write_rows(folder / "clicks.csv", [
        {"query": texts[click.query_id], "product_id": click.product_id} for click in shop.clicks])
    return folder


def settings(folder: Path) -> list[str]:
    return [f"--gin.ANNOTATIONS={folder / 'titles.jsonl.gz'}", *SMALL]


@pytest.fixture(scope="module")
def alone(folder) -> Path:
    """A workdir whose tagger was trained without a shop."""
    workdir = folder / "alone"
    gram("tagger", "--gin_file=gin/experiments/tagger.gin", f"--workdir={workdir}",
         f"--gin.TEST_ANNOTATIONS={folder / 'titles.jsonl.gz'}", *settings(folder))
    return workdir


def test_without_a_shop_it_trains_and_reports(alone):
    report = json.loads((alone / "tagger" / "report.json").read_text())
    assert report["test"]["all"]["texts"] == report["test"]["oa-mine"]["texts"] == len(TITLES)
    assert report["test"]["all"]["micro"]["wanted"] == 4 * len(TITLES)
    assert not list((alone / "tagger").glob("tags.*"))
    found = json.loads(gram("inspect", f"--workdir={alone}", "--json").stdout)
    assert found["stages"]["tagger"]["counts"]["texts"] == {"annotated titles": len(TITLES)}


def test_gram_tag_marks_a_file(alone, folder):
    output = folder / "tagged.jsonl"
    gram("tag", f"--workdir={alone}", f"--input={folder / 'products.jsonl'}",
         f"--output={output}")
    rows = list(read_tagged(output))
    assert [(row.text_id, row.text) for row in rows] == [
        (product.product_id, product.title) for product in tiny_shop().products]
    missing = gram("tag", f"--workdir={alone}", f"--input={folder / 'none.csv'}",
                   f"--output={folder / 'x'}", code=2)
    assert "no such file" in missing.stderr and not (folder / "x").exists()


def test_with_a_shop_its_titles_and_queries_are_tagged_and_a_kill_loses_nothing(folder):
    workdir = folder / "shop"
    experiment = [
        "--gin_file=gin/experiments/own_catalog.gin", "--gin_file=gin/runs/tagger.gin",
        f"--workdir={workdir}", f"--gin.PRODUCTS={folder / 'products.jsonl'}",
        f"--gin.CLICKS={folder / 'clicks.csv'}", "--gin.read_own_shop.test_share=0.3",
        "--gin.read_own_shop.tune_share=0.3",
        "--gin.gazetteer_matches.gazetteer=@GazetteerSettings()",
        "--gin.GazetteerSettings.min_value_products=1", *settings(folder)]
    gram("prepare", *experiment)
    process = subprocess.Popen([sys.executable, "-m", "gram_jax.cli", "tagger", *experiment],
                               cwd=ROOT, stderr=subprocess.PIPE, text=True)
    unfinished = workdir / "tagger.unfinished" / "checkpoints"
    deadline = time.monotonic() + 200
    while not list(unfinished.glob("0*")) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    done = gram("tagger", *experiment)
    assert "going on where it stopped" in done.stderr or "up to date" in done.stderr
    shop = read_shop(workdir / "prepare" / "shop")
    products = list(read_tagged(workdir / "tagger" / "tags.products.jsonl"))
    assert [(row.text_id, row.text) for row in products] == [
        (product.product_id, product.title) for product in shop.products]
    queries = {row.text_id: row.text for row in read_tagged(
        workdir / "tagger" / "tags.queries.jsonl")}
    assert queries == {query.query_id: query.text for split in ("train", "tune")
                       for query in shop.queries_of(split)}
    counts = json.loads((workdir / "tagger" / "manifest.json").read_text())["counts"]
    assert set(counts["texts"]) == {"annotated titles", "structured fields", "gazetteer"}

    gram("attributes", *experiment, "--gin.read_attributes.min_tag_probability=0.0")
    attributes = ShopAttributes.load(workdir / "attributes")
    for row, held in zip(products, row_values(attributes.products), strict=True):
        wanted = {normalize_value(surface) for _, surface in row.tagged()} - {""}
        assert wanted <= {text for _, text in held}
    gram("codes", *experiment, "--gin.read_attributes.min_tag_probability=0.0",
         "--gin.MiningSettings.min_products=1", "--gin.MiningSettings.min_products_of_detail=1")
    tagged = next(row for row in products if row.spans)
    explained = json.loads(gram("explain-code", f"--workdir={workdir}", tagged.text,
                                "--json").stdout)
    assert {finding["surface"] for finding in explained["findings"]
            if finding["source"] == "tagger"} == {surface for _, surface in tagged.tagged()}


def test_a_source_of_a_shop_without_one_is_refused(folder):
    wrong = folder / "wrong.gin"
    wrong.write_text("train_tagger.sources = (@structured_fields,)\n")
    done = gram("tagger", "--gin_file=gin/experiments/tagger.gin", f"--gin_file={wrong}",
                f"--workdir={folder / 'w'}", "--gin.TEST_ANNOTATIONS=None", *settings(folder),
                code=2)
    assert "structured_fields is made from a shop" in done.stderr
