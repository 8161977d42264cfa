"""Queries are read with care, and answers shown whole."""

import io

import pytest
from rich.console import Console

from gram_jax.core.errors import InputError
from gram_jax.core.records import Query
from gram_jax.pipeline.answers import read_queries, search_json, search_table
from gram_jax.serving.snapshot import Answer, FoundProduct

ANSWER = Answer("red [shoe]", (("shoe | red", -0.5),), (
    FoundProduct(1, "p1", "A [bold] red shoe", -1.25, "shoe | red", "coarse"),))


def test_queries_are_id_and_text(tmp_path):
    file = tmp_path / "queries.tsv"
    file.write_bytes("\ufeffq1\tred shoe\r\n\nq2\tschöner\tHut\n".encode())
    assert list(read_queries(file)) == [Query("q1", "red shoe"), Query("q2", "schöner\tHut")]


@pytest.mark.parametrize(("content", "said"), [
    (b"q1 red shoe\n", "line 1: not a query id"),
    (b"q1\ta\nq1\tb\n", "line 2: query id q1 occurs twice"),
    (b"q1\t \n", "line 1"),
    (b"q1\t\xff\n", "not UTF-8"),
    (b"\n", "no queries"),
])
def test_bad_queries_name_the_line(tmp_path, content, said):
    file = tmp_path / "queries.tsv"
    file.write_bytes(content)
    with pytest.raises(InputError, match=said):
        list(read_queries(file))


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        list(read_queries(tmp_path / "none.tsv"))


def test_an_answer_is_shown_literally_and_with_its_code():
    stream = io.StringIO()
    search_table(ANSWER, Console(file=stream, width=120))
    shown = stream.getvalue()
    for part in ("red [shoe]", "A [bold] red shoe", "shoe | red", "coarse", "-1.250", "p1"):
        assert part in shown


def test_an_answer_for_programs_holds_codes_and_products():
    found = search_json(ANSWER)
    assert found["codes"] == [{"code": "shoe | red", "log_prob": -0.5}]
    assert found["products"][0]["code"] == "shoe | red"


def test_a_query_that_finds_nothing_says_so():
    stream = io.StringIO()
    search_table(Answer("x", (), ()), Console(file=stream, width=80))
    assert "no code" in stream.getvalue()
