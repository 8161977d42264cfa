"""A round of co-training adds what fits and nothing else, and never loses what was mined."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.alignment.cotraining import (
    CotrainingSettings,
    Proposals,
    SideJudge,
    augment,
    mined_floors,
    own_proposals,
    through_clicks,
)
from gram_jax.codes.code import Code
from gram_jax.codes.code_table import CodeTable
from gram_jax.codes.coded_texts import CodedTexts
from gram_jax.codes.examples import CodeExample
from gram_jax.codes.generated_codes import GeneratedCodes
from gram_jax.core.clicks import ClickTable
from gram_jax.core.errors import ArtifactError, ConfigError

SCHEMA_VALUES = [("brand",), ("brand", "category", "color"), ("category",), ("color",),
                 ("brand", "category", "color", "material"), ("material",)]
TABLE = CodeTable.build(
    {Code(" | ".join(f"{name}{at}" for name in names),
          tuple((name, f"{name}{at}") for name in names)): [0]
     for at, names in enumerate(SCHEMA_VALUES)}, ["t0", "t1", "t2", "t3"])
NAMES = [code.text for code in TABLE.codes]
NUM_QUERIES, NUM_PRODUCTS = 3, 4


def coded(prefix, rows) -> CodedTexts:
    return CodedTexts.of_examples((CodeExample(f"{prefix}{at}", f"text {at}",
                                               tuple(NAMES[code] for code in row))
                                   for at, row in enumerate(rows)), TABLE)


def generated(prefix, rows, digest=TABLE.digest) -> GeneratedCodes:
    starts = np.cumsum([0, *map(len, rows)]).astype(np.int64)
    log_probs = np.concatenate([np.zeros(0), *(-np.arange(1.0, len(row) + 1) for row in rows)])
    return GeneratedCodes(tuple(f"{prefix}{at}" for at in range(len(rows))), starts,
                          np.array([code for row in rows for code in row], np.int32),
                          log_probs.astype(np.float32), digest)


def code_rows(count):
    row = st.lists(st.integers(0, len(NAMES) - 1), unique=True)
    return st.lists(row, min_size=count, max_size=count)


def click_table(pairs):
    rows, products = np.array(sorted(pairs), np.int64).reshape(-1, 2).T
    return ClickTable.build(rows, products, np.ones(len(rows)),
                            tuple(f"q{at}" for at in range(NUM_QUERIES)))


def scripted(seed, floor):
    """A judge whose fits are a fixed number for each pair."""
    table = np.random.default_rng(seed).random((8, len(NAMES)), np.float32)
    return SideJudge(lambda texts, rows, codes: table[rows, codes],
                     np.full(3, floor, np.float32)), table


CLICKS = st.sets(st.tuples(st.integers(0, NUM_QUERIES - 1), st.integers(0, NUM_PRODUCTS - 1)))


@given(code_rows(NUM_QUERIES), code_rows(NUM_PRODUCTS), code_rows(NUM_QUERIES),
       code_rows(NUM_PRODUCTS), CLICKS, st.floats(0, 1), st.integers(0, 3), st.integers(0, 3))
def test_what_was_there_stays_first_and_what_joins_fits(query_rows, product_rows, for_queries,
                                                        for_products, clicks, floor, own, shared):
    queries, products = coded("q", query_rows), coded("t", product_rows)
    (query_judge, query_fits), (product_judge, product_fits) = scripted(0, floor), scripted(1,
                                                                                            floor)
    settings = CotrainingSettings(max_new_query_codes=own, max_new_product_codes=own,
                                  max_shared_codes=shared)
    found = augment(queries, products, click_table(clicks), generated("q", for_queries),
                    generated("t", for_products), query_judge, product_judge, settings)
    for side, rows, wrote, fits, taken in (
            (found[0], query_rows, for_queries, query_fits, [
                (query, code) for query, product in clicks
                for code in for_products[product][:shared]]),
            (found[1], product_rows, for_products, product_fits, [])):
        assert side.counts()["pairs"] == sum(map(len, rows)) + side.counts()["kept"]
        for row, before in enumerate(rows):
            codes = side.texts.codes[slice(*side.texts.starts[row:row + 2])].tolist()
            assert codes[:len(before)] == before
            assert len(set(codes)) == len(codes)
            joined = codes[len(before):]
            assert all(fits[row, code] >= np.float32(floor) for code in joined)
            assert [fits[row, code] for code in joined] == sorted(
                (fits[row, code] for code in joined), reverse=True)
            proposed = [code for code in wrote[row] if code not in before][:own]
            proposed += [code for at, code in taken if at == row]
            fitting = {code for code in proposed if code not in before
                       and fits[row, code] >= np.float32(floor)}
            assert fitting <= set(joined)
            if not shared:
                assert fitting == set(joined)


@given(code_rows(NUM_PRODUCTS), CLICKS)
def test_what_a_query_keeps_is_proposed_to_the_products_clicked_for_it(for_products, clicks):
    """Queries keep everything and generate nothing; products generate what only queries take."""
    queries, products = coded("q", [[]] * NUM_QUERIES), coded("t", [[]] * NUM_PRODUCTS)
    yes, _ = scripted(0, 0.0)
    settings = CotrainingSettings(max_new_query_codes=0, max_new_product_codes=0,
                                  max_shared_codes=len(NAMES))
    asked, listed = augment(queries, products, click_table(clicks),
                            generated("q", [[]] * NUM_QUERIES), generated("t", for_products),
                            yes, yes, settings)
    of_query = {row: {code for query, product in clicks if query == row
                      for code in for_products[product]} for row in range(NUM_QUERIES)}
    for row, codes in of_query.items():
        assert set(asked.texts.codes[slice(*asked.texts.starts[row:row + 2])].tolist()) == codes
    for row in range(NUM_PRODUCTS):
        expected = set().union(*(of_query[query] for query, product in clicks if product == row))
        assert set(listed.texts.codes[slice(*listed.texts.starts[row:row + 2])].tolist()
                   ) == expected


@given(code_rows(NUM_QUERIES), code_rows(NUM_QUERIES), st.integers(0, 4))
def test_own_proposals_are_the_first_new_codes(rows, wrote, count):
    found = own_proposals(coded("q", rows), generated("q", wrote), count)
    expected = [(row, code) for row in range(NUM_QUERIES)
                for code in [code for code in wrote[row] if code not in rows[row]][:count]]
    assert list(zip(*(part.tolist() for part in found))) == expected


def test_texts_are_matched_by_their_ids():
    texts = coded("q", [[0], [1]])
    others = generated("q", [[], [2], [3]])
    rows, codes = own_proposals(texts, others, 5)
    assert (rows.tolist(), codes.tolist()) == ([1], [2])


@given(CLICKS, code_rows(NUM_PRODUCTS), st.integers(0, 3))
def test_clicks_hand_over_the_first_codes(clicks, rows, count):
    starts = np.cumsum([0, *map(len, rows)])
    codes = np.array([code for row in rows for code in row], np.int32)
    found = through_clicks(click_table(clicks), starts, codes, count)
    assert sorted(zip(*(part.tolist() for part in found))) == sorted(
        (query, code) for query, product in clicks for code in rows[product][:count])


def test_floors_come_from_mined_pairs_and_ask_most_of_them():
    texts = coded("q", [list(range(len(NAMES)))] * 8)
    judge, fits = scripted(0, 0.0)
    floors = mined_floors(judge.fits, texts, CotrainingSettings(floor_quantile=0.5))
    assert floors.shape == (3,)
    np.testing.assert_allclose(floors[0], np.median(fits[:, TABLE.granularities == 0]))
    few = mined_floors(judge.fits, texts, CotrainingSettings(num_mined_pairs=4))
    assert np.unique(few).size == 1, "four pairs are too few to tell granularities apart"


def test_codes_of_another_table_are_refused():
    judge, _ = scripted(0, 0.0)
    with pytest.raises(ArtifactError, match="not for"):
        augment(coded("q", [[0]]), coded("t", [[0]]), click_table({(0, 0)}),
                generated("q", [[1]], digest="other"), generated("t", [[1]]), judge, judge,
                CotrainingSettings())


def test_proposals_are_new_and_there_once():
    texts = coded("q", [[0], []])
    found = Proposals.new(texts, (np.array([0, 0, 1]), np.array([0, 2, 3])),
                          (np.array([1, 0]), np.array([3, 2])))
    assert (found.rows.tolist(), found.codes.tolist()) == ([0, 1], [2, 3]) and len(found) == 2


@pytest.mark.parametrize("wrong", [{"max_new_query_codes": -1}, {"floor_quantile": 1.5},
                                   {"num_witnesses": 0}])
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ConfigError, match="CotrainingSettings"):
        CotrainingSettings(**wrong)
