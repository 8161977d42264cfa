import itertools

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.retrieval.beam_recall import BeamRecall, JudgedQueries, expected_found
from gram_jax.testing.compilations import count_compilations
from gram_jax.text.prompts import query_input

GROUPS = st.lists(st.lists(st.integers(0, 5), unique=True, max_size=3).map(
    lambda group: np.array(group, np.int32)), max_size=3)


@given(GROUPS, st.lists(st.integers(0, 5), unique=True, min_size=1), st.integers(1, 8))
def test_it_is_the_mean_over_all_orders_within_groups(groups, relevant, depth):
    """Every order of every group is tried."""
    fresh, seen = [], set()
    for group in groups:
        fresh.append([product for product in group.tolist() if product not in seen])
        seen.update(group.tolist())
    counts = [len(set(list(itertools.chain(*orders))[:depth]) & set(relevant))
              for orders in itertools.product(*map(itertools.permutations, fresh))]
    found = expected_found(groups, np.array(relevant, np.int32), (depth, 100))
    assert found[0] == pytest.approx(np.mean(counts))
    assert found[1] == len(seen & set(relevant))


@pytest.fixture(scope="module")
def measured(world):
    queries = JudgedQueries(
        tuple(query.query_id for query in world.queries),
        tuple(query_input(query.text) for query in world.queries),
        tuple(np.array([n % 10, 10]) for n in range(len(world.queries))))
    recall = BeamRecall(config=world.config, trie=world.index.trie, code_table=world.table,
                        vocabulary=world.vocabulary, queries=queries, max_input_length=8,
                        beam_size=14, depths=(2, 5))
    return recall, recall(world.params)


def test_it_finds_what_lies_under_the_most_probable_codes(world, measured):
    """A beam as wide as the catalogue ranks codes as teacher forcing does, without a search."""
    recall, found = measured
    rows = []
    for query, relevant in zip(world.queries, recall.queries.relevant):
        scores = world.log_probs_of_all_codes(query_input(query.text)).sum(1)
        groups = [world.table.postings(code) for code in np.argsort(-scores)]
        counts = expected_found(groups, relevant, (2, 5, 99))
        rows.append([*(counts / len(relevant)), len(np.unique(np.concatenate(groups)))])
    assert found == pytest.approx(dict(zip(recall.names, np.mean(rows, axis=0))))
    assert recall.names == ("recall@2", "recall@5", "reach", "products_reached")
    assert found["recall@2"] <= found["recall@5"] <= found["reach"] <= 1


def test_measuring_again_compiles_nothing(world, measured):
    recall, found = measured
    moved = jax.tree.map(lambda array: array * 1.5, world.params)
    with count_compilations() as compiled:
        assert recall(moved)["reach"] > 0
        assert recall(world.params) == found
    assert compiled == []


def test_queries_without_anything_relevant_are_refused():
    with pytest.raises(ValueError, match="no relevant product"):
        JudgedQueries(("a",), ("query: a",), (np.zeros(0, np.int32),))
    with pytest.raises(ValueError, match="2 ids, 1 inputs"):
        JudgedQueries(("a", "b"), ("query: a",), (np.zeros(1, np.int32),))
