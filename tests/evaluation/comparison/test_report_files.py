import json

import pytest

from gram_jax.evaluation.comparison import report_files
from gram_jax.evaluation.comparison.report_files import write_comparison


def test_a_page_markdown_and_json_are_written(comparison, tmp_path):
    paths = write_comparison(comparison, tmp_path / "report", title="Shop", subtitle="12 products")
    assert [path.name for path in paths] == ["comparison.html", "comparison.md", "comparison.json"]
    assert "12 products" in paths[0].read_text(encoding="utf-8")
    assert paths[1].read_text(encoding="utf-8").startswith("# Shop")
    assert json.loads(paths[2].read_text(encoding="utf-8"))["baseline"] == "BM25"


def test_nothing_is_written_where_one_of_them_cannot_be_made(comparison, tmp_path, monkeypatch):
    monkeypatch.setattr(report_files, "comparison_page", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_comparison(comparison, tmp_path / "report")
    assert not (tmp_path / "report").exists()
