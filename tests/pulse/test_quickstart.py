"""The real entry point from nothing to searches, at a pulse size: does every part work together?"""

import json
import time
from pathlib import Path

import pytest

from gram_jax.codes.code_table import CodeTable
from gram_jax.evaluation.trec import read_qrels, read_run
from gram_jax.serving.exported import ExportedRetriever
from gram_jax.testing.gram_command import gram
from gram_jax.text.encoding import encode_inputs
from gram_jax.text.prompts import query_input
from gram_jax.text.vocabulary import SentencePieceVocabulary

SETTINGS = ["--gin_file=gin/experiments/quickstart.gin",
            "--gin_file=gin/experiments/quickstart_pulse.gin"]


@pytest.fixture(scope="module")
def workdir(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("quickstart") / "workdir"
    done = gram("run", *SETTINGS, f"--workdir={folder}")
    assert "BM25" in done.stdout and "GRAM" in done.stdout
    return folder


def test_a_second_run_does_nothing(workdir):
    before = {path: path.stat().st_mtime_ns for path in workdir.glob("*/manifest.json")}
    done = gram("run", *SETTINGS, f"--workdir={workdir}")
    assert done.stderr.count("up to date") == len(before) == 7
    assert "BM25" in done.stdout, "the comparison is shown again"
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_search_explains_every_product_by_a_code_of_the_catalogue(workdir):
    start = time.monotonic()
    done = gram("search", f"--workdir={workdir}", "--json", "--k=5", "red running shoe")
    assert time.monotonic() - start < 30, "the compiled program was not kept"
    answer = json.loads(done.stdout)
    codes = {code.text: code for code in CodeTable.load(workdir / "codes" / "table").codes}
    assert answer["codes"] and all(beam["code"] in codes for beam in answer["codes"])
    assert [found["rank"] for found in answer["products"]] == [1, 2, 3, 4, 5]
    for found in answer["products"]:
        assert found["code"] in {beam["code"] for beam in answer["codes"]}
        assert found["granularity"] == codes[found["code"]].granularity and found["title"]


def test_the_table_of_a_search_names_the_code(workdir):
    found = json.loads(gram("search", f"--workdir={workdir}", "--json", "--k=1", "lamp").stdout)
    shown = gram("search", f"--workdir={workdir}", "--k=1", "lamp").stdout
    assert found["products"][0]["code"].split(" | ")[0].split()[0] in shown
    assert "found by code" in shown


def test_retrieve_writes_a_run_that_evaluates_like_the_report(workdir, tmp_path):
    run = read_run(workdir / "evaluate" / "runs" / "GRAM.test.txt")
    texts = {row["query_id"]: row["text"] for row in map(
        json.loads, (workdir / "prepare" / "shop" / "queries.jsonl").read_text().splitlines())}
    queries = tmp_path / "queries.tsv"
    queries.write_text("".join(f"{ranked.query_id}\t{texts[ranked.query_id]}\n"
                               for ranked in run.ranked_lists))
    gram("retrieve", f"--workdir={workdir}", f"--queries={queries}",
         f"--output={tmp_path / 'run.txt'}", f"--codes={tmp_path / 'codes.tsv'}")
    again = read_run(tmp_path / "run.txt")
    assert {ranked.query_id: ranked.product_ids for ranked in again.ranked_lists} == {
        ranked.query_id: ranked.product_ids for ranked in run.ranked_lists}
    num_rows = sum(len(ranked.product_ids) for ranked in again.ranked_lists)
    assert len((tmp_path / "codes.tsv").read_text().splitlines()) == num_rows + 1
    assert read_qrels(workdir / "evaluate" / "qrels.test.txt")


def test_exported_programs_answer_without_the_workdir(workdir, tmp_path):
    gram("export", f"--workdir={workdir}", f"--output={tmp_path / 'programs'}")
    retriever = ExportedRetriever(tmp_path / "programs")
    vocabulary = SentencePieceVocabulary.load(tmp_path / "programs" / "vocabulary.model")
    rows = encode_inputs(vocabulary, [query_input("lamp")], 24)
    found = json.loads(gram("search", f"--workdir={workdir}", "--json", "--k=5", "lamp").stdout)
    assert [retriever.product_ids[place] for place in retriever.retrieve(rows, k=5)["products"][0]
            ] == [product["product_id"] for product in found["products"]]
    assert "is no export" in gram("export", f"--workdir={workdir}", f"--output={workdir}",
                                  code=2).stderr


def test_inspect_tells_what_is_there(workdir):
    found = json.loads(gram("inspect", f"--workdir={workdir}", "--json").stdout)
    assert list(found["stages"]) == ["prepare", "attributes", "codes", "vocabulary", "train",
                                     "index", "evaluate"]
    assert found["stages"]["prepare"]["counts"]["products"] == 300
    methods = {method["name"]: method for method in found["report"]["methods"]}
    assert methods["GRAM"]["invalid_code_share"] == 0
    assert 0 < methods["BM25"]["figures"]["recall@100"] <= 1
    assert "postings" in gram("inspect", f"--workdir={workdir}").stdout


def test_a_training_measures_what_the_beam_finds_and_leaves_a_page(workdir, tmp_path):
    counts = json.loads((workdir / "train" / "manifest.json").read_text())["counts"]
    assert 0 <= counts["tune/recall@10"] <= counts["tune/recall@100"] <= counts["tune/reach"] <= 1
    assert "tokens per second" in (workdir / "train" / "summary.html").read_text()
    gram("inspect", f"--workdir={workdir}", f"--html={tmp_path / 'run.html'}")
    page = (tmp_path / "run.html").read_text()
    assert "Figures on test queries" in page and "recall, tune queries" in page


def test_a_changed_setting_runs_what_depends_on_it_again(workdir, tmp_path):
    done = gram("evaluate", f"--workdir={workdir}", *SETTINGS, "--gin.evaluate.num_results=50")
    assert "evaluate: running" in done.stderr and "up to date" not in done.stderr
    run = read_run(workdir / "evaluate" / "runs" / "GRAM.test.txt")
    assert max(len(ranked.product_ids) for ranked in run.ranked_lists) == 50
    gram("evaluate", f"--workdir={workdir}", "--gin.evaluate.num_results=300")
