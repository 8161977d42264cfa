import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gram_jax.core.runs import RankedList, Run
from gram_jax.evaluation.comparison import answers as answers_module
from gram_jax.evaluation.comparison.answers import (
    NO_PRODUCT,
    UNJUDGED,
    Judged,
    answers_of_run,
    find_pairs,
)
from gram_jax.evaluation.metrics import evaluated_queries

IDS = st.sampled_from([f"p{number}" for number in range(9)])
QRELS = st.dictionaries(st.sampled_from("abcdef"), st.dictionaries(IDS, st.integers(0, 3)),
                        max_size=6)
LISTS = st.dictionaries(st.sampled_from("abcdefgh"), st.lists(IDS, unique=True), max_size=8)


def run_of(lists):
    return Run("r", tuple(RankedList(query_id, tuple(products),
                                     tuple(float(-at) for at in range(len(products))))
                          for query_id, products in lists.items()))


@settings(max_examples=100, deadline=None)
@given(QRELS, LISTS)
def test_products_and_grades_come_back_from_the_arrays(qrels, lists):
    if not evaluated_queries(qrels):
        with pytest.raises(ValueError, match="no query has a relevant product"):
            Judged.of(qrels)
        return
    judged = Judged.of(qrels)
    answers = answers_of_run(run_of(lists), judged)
    assert judged.query_ids == evaluated_queries(qrels)
    names = list(judged.numbers)
    grades = judged.grades_of(answers.products)
    for row, query_id in enumerate(judged.query_ids):
        expected = lists.get(query_id, [])
        kept = answers.products[row][answers.products[row] != NO_PRODUCT]
        assert [names[product] for product in kept] == expected
        assert answers.lengths[row] == len(expected)
        assert grades[row, :len(expected)].tolist() == [
            qrels[query_id].get(product, UNJUDGED) for product in expected]
        assert (grades[row, len(expected):] == UNJUDGED).all()
        assert {names[product]: grade for product, grade in judged.of_query(row).items()} == (
            qrels[query_id])


@pytest.mark.parametrize("cells", [1, 20, 1_000_000])
def test_grades_do_not_depend_on_how_queries_are_taken_together(cells, monkeypatch):
    monkeypatch.setattr(answers_module, "_CELLS_A_BLOCK", cells)
    rng = np.random.default_rng(0)
    qrels = {f"q{at}": {f"p{p}": int(rng.integers(0, 4)) for p in rng.choice(12, 6, False)}
             | {"sure": 2} for at in range(7)}
    judged = Judged.of(qrels)
    products = rng.integers(-1, 30, (7, 9)).astype(np.int32)
    names = dict(enumerate(judged.numbers))
    expected = [[qrels[query_id].get(names.get(product), UNJUDGED) for product in row]
                for query_id, row in zip(judged.query_ids, products.tolist())]
    assert judged.grades_of(products).tolist() == expected


def test_the_first_codes_are_kept():
    judged = Judged.of({"q": {"p": 2}, "r": {"p": 2}})
    ranked = RankedList("q", ("p", "x"), (2.0, 1.0), ("a | b", "c"))
    assert answers_of_run(Run("r", (ranked,)), judged).codes == (("a | b", "c"), ())
    assert answers_of_run(run_of({"q": ["p"]}), judged).codes == ()


def test_negative_grades_are_refused():
    with pytest.raises(ValueError, match="negative"):
        Judged.of({"q": {"p": 2, "x": -1}})


@given(st.lists(st.integers(0, 20), unique=True), st.lists(st.integers(0, 20)))
def test_pairs_are_found_where_they_stand(keys, wanted):
    keys = np.array(sorted(keys), np.int64)
    found = find_pairs(keys, np.array(wanted, np.int64))
    assert found.tolist() == [keys.tolist().index(key) if key in keys else -1 for key in wanted]
