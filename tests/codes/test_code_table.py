"""The table against a dict of sets, in both directions, and on disk."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.codes.code import Code
from gram_jax.codes.code_table import CodeTable
from gram_jax.core.errors import ArtifactError

_NUM_PRODUCTS = 6
_IDS = tuple(f"p{number}" for number in range(_NUM_PRODUCTS))
_CODES = st.lists(st.sampled_from("abcde"), min_size=1, max_size=4, unique=True).map(
    lambda values: Code(" | ".join(values), tuple(("brand", value) for value in values)))
_POSTINGS = st.dictionaries(
    _CODES, st.lists(st.integers(0, _NUM_PRODUCTS - 1), min_size=1, max_size=8), max_size=10)


@given(_POSTINGS)
def test_both_directions_agree_with_a_dict(postings):
    table = CodeTable.build(postings, _IDS)
    assert [code.text for code in table.codes] == sorted(code.text for code in postings)
    for code_id, code in enumerate(table.codes):
        assert table.postings(code_id).tolist() == sorted(set(postings[code]))
        assert table.id_of_text[code.text] == code_id
        assert table.granularities[code_id] == max(0, min(len(code.values), 4) - 2)
    for product in range(_NUM_PRODUCTS):
        wanted = [code_id for code_id, code in enumerate(table.codes) if product in postings[code]]
        assert table.codes_of(product).tolist() == wanted
        assert table.codes_per_product[product] == len(wanted)
    pairs = list(zip(table.posting_codes.tolist(), table.posting_products.tolist()))
    assert pairs == sorted((code_id, product) for code_id, code in enumerate(table.codes)
                           for product in set(postings[code]))


@given(_POSTINGS)
def test_saved_table_reads_back(tmp_path_factory, postings):
    folder = tmp_path_factory.mktemp("table") / "table"
    table = CodeTable.build(postings, _IDS)
    table.save(folder)
    read = CodeTable.load(folder)
    assert read.codes == table.codes and read.digest == table.digest
    assert [code.values for code in read.codes] == [code.values for code in table.codes]
    assert read.product_ids == _IDS
    np.testing.assert_array_equal(read.posting_products, table.posting_products)


_PAIRS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, _NUM_PRODUCTS + 1)), max_size=20)


@given(_POSTINGS.filter(bool), _PAIRS)
def test_a_union_is_that_of_a_dict_of_sets_and_changes_no_code(postings, pairs):
    table, more = CodeTable.build(postings, _IDS), ("new0", "new1")
    pairs = [(code % table.num_codes, product) for code, product in pairs]
    codes, products = np.array(pairs, np.int64).reshape(-1, 2).T
    united = table.united(codes, products, new_product_ids=more)
    expected = {code: {*postings[code]} for code in table.codes}
    for code, product in pairs:
        expected[table.codes[code]].add(product)
    again = CodeTable.build(expected, (*_IDS, *more))
    assert united.codes == table.codes and united.digest == again.digest != table.digest
    same = table.united(codes[:0], products[:0])
    assert same.digest == table.digest


def test_a_union_is_idempotent_and_does_not_depend_on_order():
    table, codes, products = _table(), np.array([0, 1, 0, 0]), np.array([3, 1, 2, 5])
    once = table.united(codes, products)
    assert once.digest != table.digest and once.num_postings == 6
    assert once.united(codes, products).digest == once.digest
    assert table.united(codes[::-1], products[::-1]).digest == once.digest


@pytest.mark.parametrize("code, product", [(2, 0), (-1, 0), (0, _NUM_PRODUCTS), (0, -1)])
def test_a_union_with_what_is_not_there_is_refused(code, product):
    with pytest.raises(ValueError, match="outside"):
        _table().united(np.array([code]), np.array([product]))
    with pytest.raises(ValueError, match="twice"):
        _table().united(np.array([0]), np.array([0]), new_product_ids=_IDS[:1])


def _table(**changes):
    codes = (Code("a", (("brand", "a"),)), Code("b", (("brand", "b"),)))
    fields = {"codes": codes, "posting_starts": np.array([0, 1, 3], np.int32),
              "posting_products": np.array([5, 0, 2], np.int32), "product_ids": _IDS}
    return CodeTable(**(fields | changes))


def test_digest_tells_contents_apart():
    digests = {_table().digest, _table(posting_products=np.array([5, 0, 3], np.int32)).digest,
               _table(product_ids=tuple(reversed(_IDS))).digest,
               _table(codes=(Code("a", (("color", "a"),)), _table().codes[1])).digest}
    assert len(digests) == 4 and _table().digest in digests


@pytest.mark.parametrize("changes", [
    {"codes": tuple(reversed(_table().codes))},
    {"codes": (_table().codes[0],) * 2},
    {"posting_starts": np.array([0, 0, 3], np.int32)},
    {"posting_starts": np.array([0, 1], np.int32)},
    {"posting_starts": np.array([0, 1, 3], np.int64)},
    {"posting_products": np.array([5, 2, 2], np.int32)},
    {"posting_products": np.array([5, 0, 6], np.int32)},
    {"posting_products": np.array([-1, 0, 2], np.int32)},
    {"product_ids": ("p0",) * 6}])
def test_a_table_that_does_not_hold_together_is_refused(changes):
    with pytest.raises(ValueError):
        _table(**changes)


@pytest.mark.parametrize("lookup", ["postings", "codes_of"])
def test_indices_outside_are_refused(lookup):
    for index in (-1, 99):
        with pytest.raises(ValueError, match=str(index)):
            getattr(_table(), lookup)(index)


def test_missing_damaged_or_foreign_files_are_refused(tmp_path):
    with pytest.raises(ArtifactError, match="cannot read"):
        CodeTable.load(tmp_path / "none")
    folder = tmp_path / "table"
    for name, content in (("codes.jsonl", '[["brand", "b"]]\n'), ("postings.npz", "no zip"),
                          ("digest.json", json.dumps({"digest": "0"})),
                          ("product_ids.json", "[1")):
        _table().save(folder)
        (folder / name).write_text(content, encoding="utf-8")
        with pytest.raises(ArtifactError, match=r"damaged|not the one"):
            CodeTable.load(folder)
