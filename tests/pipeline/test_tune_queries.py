import dataclasses

from gram_jax.pipeline.tune_queries import tune_queries
from gram_jax.testing.tiny_catalog import tiny_shop


def test_relevant_is_what_is_judged_so_or_clicked_where_nothing_is_judged():
    shop = tiny_shop()
    unjudged = dataclasses.replace(shop, judgments=tuple(
        judgment for judgment in shop.judgments if judgment.query_id != "q11"))
    queries = tune_queries(unjudged, 10)
    assert queries.ids == ("q11", "q12")  # no train and no test query
    found = [[shop.product_ids[at] for at in row] for row in queries.relevant]
    assert found == [["p01", "p02"], ["p05", "p06"]]  # q12 has p07 at grade 1
    assert queries.inputs[1].endswith("kohler sink")


def test_a_shop_without_tune_queries_has_none_and_so_has_a_count_of_none():
    shop = tiny_shop()
    assert tune_queries(shop, 0) is None
    none = dataclasses.replace(shop, clicks=(), judgments=tuple(
        judgment for judgment in shop.judgments if shop.splits[judgment.query_id] == "test"))
    assert tune_queries(none, 5) is None


def test_a_few_are_drawn_always_the_same():
    one, again = (tune_queries(tiny_shop(), 1) for _ in range(2))
    assert one.ids == again.ids and len(one.ids) == 1
