"""Quality figures against counting by hand."""

import json

from gram_jax.codes.code import Code
from gram_jax.codes.code_table import CodeTable
from gram_jax.codes.quality import code_quality, reach


def _code(*values):
    return Code(" | ".join(values), tuple(("brand", value) for value in values))


_TABLE = CodeTable.build({_code("a"): [0, 1], _code("b", "c", "d"): [1], _code("e"): [2]},
                         ["p0", "p1", "p2", "p3"])


def test_figures_are_what_one_counts():
    quality = code_quality(_TABLE, {"q": (0, 1), "r": (0,)}, num_queries=4)
    assert json.loads(json.dumps(quality)) == quality
    assert (quality["num_codes"], quality["num_postings"]) == (3, 4)
    assert quality["products_with_codes"] == 0.75 and quality["train_queries_with_codes"] == 0.5
    assert quality["codes_that_train_queries_have"] == 0.6667
    assert quality["codes_per_product"] == {"mean": 1.0, "median": 1.0, "max": 2}
    assert quality["codes_per_train_query"] == {"mean": 1.5, "median": 1.5, "max": 2}
    assert quality["products_per_code"] == {"mean": 1.3333, "median": 1.0, "max": 2}
    assert quality["granularity"] == {"coarse": 0.6667, "medium": 0.3333, "fine": 0.0}


def test_reach_is_the_share_of_relevant_products_under_the_codes():
    figures = reach(_TABLE, {"q": (0, 1)}, {"q": [1, 2], "r": [0]})
    assert figures == {"queries": 2, "relevant_products_reached": 0.25,
                       "products_under_codes": 1.0}


def test_empty_tables_have_figures_too():
    empty = CodeTable.build({}, ["p0"])
    assert code_quality(empty, {}, num_queries=0)["products_with_codes"] == 0
    assert reach(empty, {}, {})["queries"] == 0
