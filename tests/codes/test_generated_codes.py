"""Generated codes against a plain list of rows, on disk, and among a table's postings."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.codes.code import Code
from gram_jax.codes.code_table import CodeTable
from gram_jax.codes.generated_codes import GeneratedCodes
from gram_jax.core.errors import ArtifactError

NUM_CODES, NUM_PRODUCTS = 6, 5
IDS = tuple(f"p{number}" for number in range(NUM_PRODUCTS))
TABLE = CodeTable.build({Code(f"v{i}", (("modifier", f"v{i}"),)): [i % NUM_PRODUCTS]
                         for i in range(NUM_CODES)}, IDS)
rows_of_pairs = st.lists(st.dictionaries(
    st.integers(0, NUM_CODES - 1), st.floats(-20, 0, width=32)), max_size=NUM_PRODUCTS)


def generated_of(rows, digest=TABLE.digest):
    """From a dict code -> log_prob for each row."""
    ranked = [sorted(row.items(), key=lambda pair: -pair[1]) for row in rows]
    pairs = [pair for row in ranked for pair in row]
    starts = np.cumsum([0, *map(len, ranked)], dtype=np.int64)
    return GeneratedCodes(IDS[:len(rows)], starts, np.array([c for c, _ in pairs], np.int32),
                          np.array([p for _, p in pairs], np.float32), digest)


@given(rows_of_pairs)
def test_a_row_holds_its_codes_best_first(rows):
    generated = generated_of(rows)
    assert generated.num_rows == len(rows)
    for at, row in enumerate(rows):
        codes, log_probs = generated.of(at)
        assert dict(zip(codes.tolist(), log_probs.tolist())) == row
        assert (np.diff(log_probs) <= 0).all() and len(codes) == len(row)
        assert generated.row_of_id[IDS[at]] == at
    assert (generated.rows[1:] >= generated.rows[:-1]).all()
    for row, rank, code in zip(generated.rows, generated.ranks, generated.codes):
        assert generated.of(row)[0][rank] == code


@given(rows_of_pairs, st.integers(0, 7), st.none() | st.floats(-20, 0, width=32))
def test_the_best_are_the_first_above_the_floor(rows, max_codes, floor):
    best = generated_of(rows).best(max_codes, min_log_prob=floor)
    for at, row in enumerate(rows):
        expected = sorted(row.values(), reverse=True)[:max_codes]
        if floor is not None:
            expected = [log_prob for log_prob in expected if log_prob >= floor]
        assert best.of(at)[1].tolist() == expected


@given(rows_of_pairs)
def test_united_with_a_table_every_row_is_under_its_codes_and_nothing_is_lost(rows):
    united = generated_of(rows).united_with(TABLE)
    assert united.codes == TABLE.codes and united.product_ids == TABLE.product_ids
    for product in range(NUM_PRODUCTS):
        wanted = {*TABLE.codes_of(product).tolist(), *(rows[product] if product < len(rows)
                                                       else ())}
        assert united.codes_of(product).tolist() == sorted(wanted)
    assert (united.digest == TABLE.digest) == (united.num_postings == TABLE.num_postings)


@given(rows_of_pairs)
def test_it_comes_back_from_disk_as_it_was(tmp_path_factory, rows):
    folder, generated = tmp_path_factory.mktemp("codes") / "generated", generated_of(rows)
    generated.save(folder)
    read = GeneratedCodes.load(folder)
    assert read.digest == generated.digest and read.ids == generated.ids
    read.check_table(TABLE)
    np.testing.assert_array_equal(read.codes, generated.codes)
    np.testing.assert_array_equal(read.log_probs, generated.log_probs)


SOME = {"ids": ("p0", "p1", "p2"), "starts": np.array([0, 2, 2, 3], np.int64),
        "codes": np.array([4, 1, 4], np.int32),
        "log_probs": np.array([-1, -2, -.5], np.float32), "table_digest": TABLE.digest}


@pytest.mark.parametrize("changes", [
    {"ids": ("p0", "p1", "p1")},
    {"ids": ("p0", "p1")},
    {"starts": np.array([0, 2, 1, 3], np.int64)},
    {"starts": np.array([0, 2, 2, 2], np.int64)},
    {"starts": np.array([0, 2, 2, 3], np.int32)},
    {"codes": np.array([4, -1, 4], np.int32)},
    {"codes": np.array([4, 4, 4], np.int32)},
    {"codes": np.array([4, 1, 4], np.int64)},
    {"codes": np.array([4, 1], np.int32)},
    {"log_probs": np.array([-2, -1, -.5], np.float32)},
    {"log_probs": np.array([-1, -2, .5], np.float32)},
    {"log_probs": np.array([-1, -2, np.nan], np.float32)},
    {"log_probs": np.array([-1, -np.inf, -1], np.float32)},
    {"log_probs": np.array([-1, -2], np.float32)}])
def test_what_does_not_hold_together_is_refused(changes):
    GeneratedCodes(**SOME)
    with pytest.raises(ValueError):
        GeneratedCodes(**(SOME | changes))


def test_rows_and_masks_of_other_sizes_are_refused():
    generated = GeneratedCodes(**SOME)
    for row in (-1, 3):
        with pytest.raises(ValueError, match=f"row {row}"):
            generated.of(row)
    for kept in (np.ones(2, bool), np.ones(3)):
        with pytest.raises(ValueError, match="kept"):
            generated.only(kept)


def test_another_table_is_refused_by_name_of_both():
    other = TABLE.united(np.array([0]), np.array([4]))
    generated = GeneratedCodes(**SOME)
    for use in (generated.check_table, generated.united_with):
        with pytest.raises(ArtifactError, match=f"{TABLE.digest}.*{other.digest}.*again"):
            use(other)


def test_queries_are_no_products_of_the_table():
    queries = GeneratedCodes(**(SOME | {"ids": ("q0", "p1", "q2")}))
    with pytest.raises(ArtifactError, match="'q0' and 1 more"):
        queries.united_with(TABLE)


def test_missing_damaged_or_foreign_files_are_refused(tmp_path):
    with pytest.raises(ArtifactError, match="cannot read"):
        GeneratedCodes.load(tmp_path / "none")
    folder = tmp_path / "generated"
    facts = {"ids": ["p0", "p1", "p2"], "digest": "0", "table_digest": TABLE.digest}
    for name, content in (("arrays.npz", "no zip"), ("generated_codes.json", "{"),
                          ("generated_codes.json", json.dumps(facts))):
        GeneratedCodes(**SOME).save(folder)
        (folder / name).write_text(content, encoding="utf-8")
        with pytest.raises(ArtifactError, match=r"damaged|not those"):
            GeneratedCodes.load(folder)
