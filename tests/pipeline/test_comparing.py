"""`gram compare` on a workdir: its own runs and others' files, slices read off the shop."""

import json

import pytest

from gram_jax.attributes.extract import AttributeExtractor
from gram_jax.attributes.families import Families
from gram_jax.attributes.gazetteer_building import GazetteerSettings, build_gazetteer
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.catalog.shop import write_shop
from gram_jax.cli import EXIT_USER_ERROR, main
from gram_jax.core.errors import InputError
from gram_jax.core.runs import RankedList, Run
from gram_jax.evaluation.evaluate import method_result
from gram_jax.evaluation.report import report_json
from gram_jax.evaluation.trec import write_run, write_run_codes
from gram_jax.pipeline.comparing import compare_workdir
from gram_jax.pipeline.workdir import Manifest, Workdir
from gram_jax.testing.tiny_catalog import tiny_shop


def run_of(name, lists, codes=False):
    return Run(name, tuple(
        RankedList(query_id, tuple(products), tuple(float(-at) for at in range(len(products))),
                   tuple(f"code of {product}" for product in products) if codes else ())
        for query_id, products in lists.items()))


BM25 = run_of("BM25", {"q13": ["p03", "p01"], "q14": ["p05", "p07"], "q15": ["p10"]})
GRAM = run_of("GRAM", {"q13": ["p03", "p04"], "q14": ["p07"], "q15": ["p10", "p11"]}, codes=True)
OTHER = run_of("other", {"q13": ["p12"]})


def finish(workdir, stage, fill):
    folder, _ = workdir.open_unfinished(stage, stage)
    fill(folder)
    workdir.finish(stage, folder, Manifest(stage, "", {}, {}, stage, {}, "", 0.0, {}))


def evaluated(folder):
    qrels = tiny_shop().qrels("test")
    for run in (BM25, GRAM):
        write_run(folder / "runs" / f"{run.name}.test.txt", run)
    write_run_codes(folder / "runs" / "GRAM.test.codes.tsv", GRAM)
    results = [method_result(BM25, qrels, ms_per_query=1.5),
               method_result(GRAM, qrels, ms_per_query=12.0, invalid_code_share=0.0)]
    (folder / "report.json").write_text(json.dumps(report_json(results)))


def read_attributes(folder):
    shop, schema = tiny_shop(), AttributeSchema.load()
    AttributeExtractor(schema, build_gazetteer(
        shop.products, schema, settings=GazetteerSettings(
            min_value_products=1, min_head_products=1, min_word_products=2)),
        families=Families.load()).save(folder)


@pytest.fixture
def bare(tmp_path):
    workdir = Workdir(tmp_path / "workdir")
    finish(workdir, "prepare", lambda folder: write_shop(tiny_shop(), folder / "shop"))
    return workdir


@pytest.fixture
def workdir(bare):
    finish(bare, "attributes", read_attributes)
    finish(bare, "evaluate", evaluated)
    return bare


def test_the_runs_of_a_workdir_and_others_are_compared_and_written(workdir, tmp_path, capsys):
    write_run(tmp_path / "other.txt", OTHER)
    (tmp_path / "costs.json").write_text(json.dumps({
        "other": {"training_minutes": 7.5}, "nobody": {"ms_per_query": 1.0}}))
    assert main(["compare", f"--workdir={workdir.path}", f"--output={tmp_path / 'report'}",
                 f"--run={tmp_path / 'other.txt'}", f"--costs={tmp_path / 'costs.json'}"]) == 0
    assert "GRAM" in capsys.readouterr().out
    found = json.loads((tmp_path / "report" / "comparison.json").read_text())
    assert found["baseline"] == "BM25"
    by_name = {method["name"]: method for method in found["methods"]}
    assert list(by_name) == ["BM25", "GRAM", "other"]
    assert by_name["GRAM"]["ms_per_query"] == 12.0
    assert by_name["GRAM"]["invalid_code_share"] == 0.0
    assert by_name["other"]["training_minutes"] == 7.5
    assert by_name["GRAM"]["figures"]["recall@10"] == pytest.approx(1.0)
    assert "code of p04" in (tmp_path / "report" / "comparison.html").read_text()
    assert "12 products" in (tmp_path / "report" / "comparison.html").read_text()


def test_slices_are_read_off_the_shop(workdir):
    comparison, _ = compare_workdir(workdir)
    families = {family.name: dict(zip(family.slices, family.num_queries.tolist()))
                for family in comparison.slices}
    assert families["query length"] == {"2 words": 1, "3 words": 2}
    assert families["attributes"]["names a brand"] == 3  # adidas, moen, makita
    assert families["attributes"]["names a category"] == 2  # sink, drill
    assert families["shared words"] == {"some words": 1, "all words in one title": 2}
    # Train clicks on relevant products: 4 for q13 (p03, p04), 3 for q14 (p07), 3 for q15 (p10).
    assert families["demand"] == {"head": 1, "tail": 2}


def test_scores_of_a_relevance_model_add_relr(workdir, tmp_path):
    scored = Run("model", tuple(
        RankedList(query_id, ("p10", "p03", "p07", "p01", "p04", "p05", "p11"),
                   (0.9, 0.8, 0.7, 0.4, 0.3, 0.2, 0.1)) for query_id in ("q13", "q14", "q15")))
    write_run(tmp_path / "scores.txt", scored)
    comparison, _ = compare_workdir(workdir, relevance_path=tmp_path / "scores.txt")
    # BM25: 1 of 2, 1 of 2, 1 of 1; GRAM: 1 of 2, 1 of 1, 1 of 2.
    assert comparison.means[:, -1].tolist() == pytest.approx([2 / 3, 2 / 3])
    write_run(tmp_path / "other.txt", OTHER)
    with pytest.raises(InputError, match="other: 1 of 1 products have no relevance score"):
        compare_workdir(workdir, [tmp_path / "other.txt"],
                        relevance_path=tmp_path / "scores.txt")


def test_without_the_stage_evaluate_files_are_enough(bare, tmp_path):
    write_run(tmp_path / "other.txt", OTHER)
    comparison, _ = compare_workdir(bare, [tmp_path / "other.txt"])
    assert comparison.methods == ("other",)
    assert "attributes" not in {family.name for family in comparison.slices}


@pytest.mark.parametrize("arguments, problem", [
    ([], "no run to compare"),
    (["--run=RUN", "--run=RUN"], "names of their own"),
    (["--run=RUN", "--baseline=GRAM"], "'GRAM' is none of the methods"),
    (["--run=RUN", "--costs=RUN"], "cannot be read as costs"),
    (["--run=missing.txt"], "cannot be read"),
])
def test_what_cannot_be_compared_is_said_with_a_remedy(bare, tmp_path, arguments, problem, capsys):
    write_run(tmp_path / "other.txt", OTHER)
    arguments = [text.replace("RUN", str(tmp_path / "other.txt")) for text in arguments]
    code = main(["compare", f"--workdir={bare.path}", f"--output={tmp_path / 'out'}", *arguments])
    said = capsys.readouterr().err
    assert code == EXIT_USER_ERROR
    assert problem in said
    assert "Remedy" in said
    assert not (tmp_path / "out").exists()
