"""Choosers that learn nothing, against readings of their definitions."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.codes.choosers import (
    choose_by_neighbors,
    choose_with_hindsight,
    random_partition,
    ranked_products,
)
from gram_jax.codes.code import Code
from gram_jax.codes.code_table import CodeTable

_IDS = [f"p{at}" for at in range(6)]
_ROWS = st.lists(st.sets(st.integers(0, 5), min_size=1), min_size=1, max_size=6)


def _table(rows):
    return CodeTable.build({Code(f"c{at}", (("brand", f"c{at}"),)): row
                            for at, row in enumerate(rows)}, _IDS)


@given(_ROWS, st.permutations(range(6)), st.integers(0, 6), st.integers(1, 4))
def test_neighbors_votes_are_weighed_by_the_root_of_the_size(rows, order, num_neighbors, num_codes):
    table, neighbors = _table(rows), order[:num_neighbors]
    chosen = choose_by_neighbors(table, neighbors, num_codes=num_codes)
    score = {code: sum(product in row for product in neighbors) / len(row) ** 0.5
             for code, row in enumerate(rows)}
    able = {code for code, value in score.items() if value}
    assert set(chosen) <= able and len(chosen) == min(num_codes, len(able))
    assert [score[code] for code in chosen] == pytest.approx(
        sorted((score[code] for code in able), reverse=True)[:num_codes])


@given(_ROWS, st.sets(st.integers(0, 5), min_size=1))
def test_hindsight_takes_the_largest_first_and_stops_when_nothing_is_left(rows, relevant):
    table = _table(rows)
    chosen = choose_with_hindsight(table, sorted(relevant), num_codes=10)
    left = set(relevant)
    for code in chosen:
        assert len(rows[code] & left) == max(len(row & left) for row in rows) > 0
        left -= rows[code]
    assert not any(row & left for row in rows)
    for fewer in range(len(chosen)):
        assert choose_with_hindsight(table, sorted(relevant), num_codes=fewer) == chosen[:fewer]


@given(st.integers(1, 40), st.integers(1, 10), st.integers(0, 3))
def test_a_random_partition_holds_every_product_once(num_products, cell_size, seed):
    table = random_partition([f"p{at}" for at in range(num_products)], cell_size=cell_size,
                             seed=seed)
    assert (table.codes_per_product == 1).all()
    sizes = np.diff(table.posting_starts)
    assert sizes.min() >= min(cell_size, num_products) and sizes.max() - sizes.min() <= 1


@given(_ROWS, st.data())
def test_ranked_products_are_those_under_the_codes_most_mentioned_first(rows, data):
    table = _table(rows)
    chosen = data.draw(st.lists(st.sampled_from(range(len(rows))), unique=True))
    found = ranked_products(table, chosen).tolist()
    weight = {product: sum(1 / (place + 1) for place, code in enumerate(chosen)
                           if product in rows[code]) for product in range(6)}
    assert set(found) == {product for product, value in weight.items() if value}
    assert all(weight[one] >= weight[other] - 1e-12
               for one, other in itertools.pairwise(found))
