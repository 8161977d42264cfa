import json

import pytest

from gram_jax.evaluation.comparison.plain import comparison_json


def test_json_holds_every_figure_and_test(comparison):
    found = json.loads(json.dumps(comparison_json(comparison), allow_nan=False))
    assert [method["name"] for method in found["methods"]] == list(comparison.methods)
    for at, method in enumerate(found["methods"]):
        for place, name in enumerate(comparison.measures):
            assert method["figures"][name] == pytest.approx(comparison.means[at, place])
            assert method["interval"][name] == pytest.approx(
                [comparison.low[at, place], comparison.high[at, place]])
            if at:
                assert sum(method["better_equal_worse"][name]) == found["queries"]
    assert "difference_to_baseline" not in found["methods"][0]
    assert found["methods"][2]["recall_of_first"][9] == pytest.approx(
        found["methods"][2]["figures"]["recall@10"], abs=1e-5)
    assert found["methods"][3]["invalid_code_share"] == 0.0123
    assert found["methods"][4]["ms_per_query"] is None
    pairs = {tuple(pair["methods"]): pair for pair in found["pairs"]}
    assert len(pairs) == 10
    ndcg = comparison.place("ndcg@10")
    assert pairs["BM25", "with codes"]["corrected"]["ndcg@10"] == comparison.corrected[0, 3, ndcg]
    family = found["slices"][1]
    assert sum(row["queries"] for row in family["slices"]) == found["queries"]
    assert len(found["disagreements"]) == 4
