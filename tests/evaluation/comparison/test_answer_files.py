"""A file read fast gives what `read_run` gives, and what it cannot read fast is left to that."""

import numpy as np
import pytest

from gram_jax.core.errors import InputError
from gram_jax.core.runs import RankedList, Run
from gram_jax.evaluation.comparison import answer_files
from gram_jax.evaluation.comparison.answer_files import read_answers
from gram_jax.evaluation.comparison.answers import Judged, answers_of_run
from gram_jax.evaluation.trec import read_run, write_run, write_run_codes

QRELS = {"q 1": {"p1": 3, "a b": 2}, "q2": {"p2": 2}, "unanswered": {"p1": 2},
         "irrelevant": {"p1": 0}}


def judged():
    return Judged.of(QRELS)


def same(one, other):
    assert one.name == other.name
    width = max(one.products.shape[1], other.products.shape[1])
    one, other = (np.pad(found.products, ((0, 0), (0, width - found.products.shape[1])),
                         constant_values=-1) for found in (one, other))
    np.testing.assert_array_equal(one, other)


@pytest.fixture
def run():
    return Run("our method", (
        RankedList("q2", ("p9", "p2", "NA"), (3.0, 3.0, -1e-7), ("a", "b | c", "d")),
        RankedList("stranger", ("p1",), (1.0,), ("a",)),
        RankedList("q 1", tuple(f"x{at}" for at in range(20)) + ("a b", "p1"),
                   tuple(float(30 - at) for at in range(22)), tuple(map(str, range(22))))))


def test_a_written_run_is_read_fast_and_right(run, tmp_path, monkeypatch):
    write_run(tmp_path / "run.txt", run)
    monkeypatch.setattr(answer_files, "read_run", None)  # the slow way is not taken
    numbers = judged()
    same(read_answers(tmp_path / "run.txt", numbers), answers_of_run(run, numbers))


def test_the_codes_beside_it_are_read(run, tmp_path):
    write_run(tmp_path / "run.txt", run)
    write_run_codes(tmp_path / "codes.tsv", run)
    found = read_answers(tmp_path / "run.txt", judged(), tmp_path / "codes.tsv")
    assert found.codes == (tuple(map(str, range(10))), ("a", "b | c", "d"), ())
    with pytest.raises(InputError, match="no file of codes"):
        read_answers(tmp_path / "run.txt", judged(), tmp_path / "missing.tsv")


@pytest.mark.parametrize("text", [
    "q2 Q0 p2 1 1.0 r\nq2 Q0 p1 2 2.0 r\n",  # a later line scores higher
    "q2 Q0 p2 1 1.0 r\nq2 Q0 p3 2 1.0 r\n",  # a tie
    "q2 Q0 p2 1 2.0 r\nq%201 Q0 p1 1 1.0 r\nq2 Q0 p3 2 1.0 r\n",  # a query in two places
    "q2\tQ0\tp2\t1\t2.0\tr\n",  # tabs
    "q2  Q0 p2 1 2.0 r\n",  # two spaces
    "",
])
def test_any_other_layout_is_read_as_trec_tools_read_it(text, tmp_path):
    (tmp_path / "run").write_text(text)
    numbers = judged()
    same(read_answers(tmp_path / "run", numbers),
         answers_of_run(read_run(tmp_path / "run"), numbers))


@pytest.mark.parametrize("text, problem", [
    ("q2 Q0 p2 1 2.0 r\nq2 Q0 p2 2 1.0 r\n", "twice"),
    ("q2 Q0 p2 1 nan r\n", "finite"),
    ("q2 Q0 p2 1 2.0\n", "5 fields"),
])
def test_a_wrong_file_is_refused(text, problem, tmp_path):
    (tmp_path / "run").write_text(text)
    with pytest.raises(InputError, match=problem):
        read_answers(tmp_path / "run", judged())


