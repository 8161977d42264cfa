import io
import json

import pytest
from rich.console import Console

from gram_jax.evaluation.evaluate import MethodResult
from gram_jax.evaluation.report import (
    report_json,
    report_markdown,
    report_table,
    results_of_json,
)

BM25 = MethodResult("BM25", {"recall@10": 0.4, "recall@300": 0.8}, 298.25, None, 1.5)
GRAM = MethodResult("GRAM", {"recall@10": 0.35, "recall@300": 0.85}, 211.0, 0.0, 12.0,
                    {"recall@10": 0.2, "recall@300": 0.001})


def printed(results, **settings):
    console = Console(file=io.StringIO(), width=160)
    console.print(report_table(results, **settings))
    return console.file.getvalue()


@pytest.mark.parametrize("render", [printed, report_markdown])
def test_every_figure_and_its_difference_to_bm25_is_shown(render):
    text = render([BM25, GRAM]).replace("\\", "")
    for cell in ("recall@10", "0.4000", "0.3500 (-0.0500)", "0.8500 (+0.0500*)", "298.2", "211.0",
                 "0.00%", "12.0", "difference to BM25"):
        assert cell in text


@pytest.mark.parametrize("render", [printed, report_markdown])
def test_without_the_baseline_there_are_figures_only(render):
    text = render([GRAM])
    assert "0.3500" in text
    assert "difference" not in text


def test_markdown_is_a_table_with_as_many_cells_in_every_line():
    lines = report_markdown([BM25, GRAM]).splitlines()[:4]
    assert len({line.count("|") for line in lines}) == 1
    assert lines[1].startswith("| --- | ---: |")


def test_json_holds_the_plain_values():
    report = json.loads(json.dumps(report_json([BM25, GRAM])))
    bm25, gram = report["methods"]
    assert bm25["figures"] == BM25.figures
    assert bm25["invalid_code_share"] is None
    assert gram["difference_to_baseline"]["recall@300"] == pytest.approx(0.05)
    assert gram["p_values"] == GRAM.p_values
    assert report["baseline"] == "BM25"


def test_results_come_back_from_json():
    assert results_of_json(json.loads(json.dumps(report_json([BM25, GRAM])))) == [BM25, GRAM]
