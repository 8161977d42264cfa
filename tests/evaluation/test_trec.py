import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.core.errors import InputError
from gram_jax.core.runs import RankedList, Run
from gram_jax.evaluation.trec import (
    read_qrels,
    read_run,
    strictly_decreasing,
    write_qrels,
    write_run,
    write_run_codes,
)

ids = st.text(min_size=1, max_size=8)
finite = st.floats(-(2.0**100), 2.0**100, width=32)


@given(st.lists(finite | st.sampled_from([0.0, -0.0, 1.0, 1e-45, -1e-45]), max_size=30))
def test_scores_strictly_decrease_and_stay_where_they_already_do(values):
    scores = sorted(values, reverse=True)
    found = strictly_decreasing(scores)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert (np.diff(found) < 0).all()
    expected = np.asarray(scores, np.float32)
    for i in range(1, len(expected)):  # the plain reading: one float below the one before
        expected[i] = min(expected[i], np.nextafter(expected[i - 1], np.float32(-np.inf)))
    np.testing.assert_array_equal(found, expected)


def test_scores_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="not finite"):
        strictly_decreasing([1.0, float("-inf")])


@given(st.dictionaries(ids, st.lists(ids, min_size=1, max_size=6, unique=True), max_size=4), ids)
def test_a_run_comes_back_in_its_order_whatever_the_ids(tmp_path_factory, lists, name):
    path = tmp_path_factory.mktemp("run") / "run.trec"
    run = Run(name, tuple(RankedList(query_id, tuple(products), (1.0,) * len(products))
                          for query_id, products in lists.items()))
    write_run(path, run)
    found = read_run(path)
    assert {r.query_id: r.product_ids for r in found.ranked_lists} == {
        r.query_id: r.product_ids for r in run.ranked_lists}
    if run.ranked_lists:
        assert found.name == name


@given(st.dictionaries(ids, st.dictionaries(ids, st.integers(0, 3), min_size=1, max_size=4)))
def test_qrels_come_back_whatever_the_ids(tmp_path_factory, qrels):
    path = tmp_path_factory.mktemp("qrels") / "qrels"
    write_qrels(path, qrels)
    assert read_qrels(path) == qrels


def test_a_run_without_odd_ids_reads_as_every_trec_tool_writes_it(tmp_path):
    run = Run("GRAM", (RankedList("q1", ("p1", "p 2"), (2.5, 1.0)),))
    write_run(tmp_path / "run", run)
    assert (tmp_path / "run").read_text() == "q1 Q0 p1 1 2.5 GRAM\nq1 Q0 p%202 2 1 GRAM\n"


def test_codes_are_written_beside_the_run_with_the_same_ids(tmp_path):
    run = Run("GRAM", (RankedList("q", ("p 1", "p2"), (2.0, 1.0), ("nike | shoe", "nike")),))
    write_run_codes(tmp_path / "codes.tsv", run)
    assert (tmp_path / "codes.tsv").read_text().splitlines()[1:] == [
        "q\tp%201\t1\t2\tnike | shoe", "q\tp2\t2\t1\tnike"]


def test_a_run_of_another_tool_is_ordered_as_trec_eval_orders_it(tmp_path):
    path = tmp_path / "run"
    path.write_text("q Q0 a 1 1.0 x\nq Q0 c 2 1.0 x\r\n\nq Q0 b 3 2.0 x\n")
    assert read_run(path).ranked_lists[0].product_ids == ("b", "c", "a")


@pytest.mark.parametrize(("text", "line", "what"), [
    ("q Q0 a 1 1.0 x\nq Q0 b 1.0 x\n", 2, "5 fields"),
    ("q Q0 a 1 high x\n", 1, "not a finite number"),
    ("q Q0 a 1 nan x\n", 1, "not a finite number"),
    ("q Q0 a 1 1.0 x\nq Q0 a 2 0.5 x\n", 2, "listed twice"),
])
def test_a_bad_run_names_the_line_and_the_remedy(tmp_path, text, line, what):
    path = tmp_path / "run"
    path.write_text(text)
    with pytest.raises(InputError, match=what) as raised:
        read_run(path)
    assert raised.value.line == line
    assert raised.value.remedy


@pytest.mark.parametrize(("text", "what"), [
    ("q 0 a\n", "3 fields"),
    ("q 0 a 1.5\n", "not a whole number"),
    ("q 0 a 1\nq 0 a 2\n", "judged twice"),
])
def test_bad_qrels_name_the_line(tmp_path, text, what):
    path = tmp_path / "qrels"
    path.write_text(text)
    with pytest.raises(InputError, match=what) as raised:
        read_qrels(path)
    assert raised.value.line == len(text.splitlines())


def test_a_missing_or_foreign_file_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_run(tmp_path / "absent")
    (tmp_path / "latin").write_bytes("q Q0 caf\u00e9 1 1.0 x\n".encode("latin-1"))
    with pytest.raises(InputError, match="UTF-8"):
        read_run(tmp_path / "latin")


def test_an_empty_id_is_refused_and_leaves_the_old_file(tmp_path):
    path = tmp_path / "run"
    path.write_text("old")
    with pytest.raises(InputError, match="empty"):
        write_run(path, Run("GRAM", (RankedList("q", ("p", ""), (2.0, 1.0)),)))
    assert path.read_text() == "old"
