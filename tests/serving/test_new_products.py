"""A product that comes later is coded by the generator, found at once, and compiles nothing."""

import dataclasses

import numpy as np
import pytest

from gram_jax.core.errors import InputError
from gram_jax.core.records import Product, Query
from gram_jax.retrieval.code_generation import generate_codes
from gram_jax.retrieval.product_codes import ProductCoding
from gram_jax.serving.new_products import add_products, code_new_products
from gram_jax.serving.snapshot import load_snapshot, save_snapshot
from gram_jax.testing.compilations import count_compilations
from gram_jax.text.prompts import product_input

NEW = (Product("n1", "Nike trail running shoe, waterproof", {"brand": ("Nike",)}),
       Product("n2", "Cotton kitchen towel, red", {}))
QUERIES = [Query("a", "running shoe"), Query("b", "towel"), Query("c", "kitchen sink")]


@pytest.fixture
def thorough(snapshot):
    """The snapshot, where a new product gets every code: whatever a query generates finds it."""
    num_codes = snapshot.index.code_table.num_codes
    return dataclasses.replace(snapshot, coding=ProductCoding(
        max_codes=num_codes, beam_size=num_codes, max_input_length=16))


def test_it_is_under_the_codes_that_its_text_generates_and_nothing_else_changes(snapshot):
    before = snapshot.index.code_table
    table = code_new_products(snapshot, NEW)
    expected = generate_codes(
        snapshot.config, snapshot.params, snapshot.index.trie, before, snapshot.vocabulary,
        ["n1", "n2"], [product_input(product.title) for product in NEW], max_input_length=16)
    assert table.codes == before.codes and table.product_ids == (*before.product_ids, "n1", "n2")
    for row in range(2):
        codes = table.codes_of(len(before.product_ids) + row)
        assert codes.tolist() == sorted(expected.of(row)[0][:3])
    for code in range(before.num_codes):
        kept = table.postings(code)[table.postings(code) < len(before.product_ids)]
        np.testing.assert_array_equal(kept, before.postings(code))


def test_it_is_found_after_a_swap_without_compiling(thorough):
    retriever = thorough.retriever
    retriever.warm()
    k = 40
    retriever.warm(k=k)
    before = list(retriever.retrieve(QUERIES, k=k))
    assert all("n1" not in found.product_ids for found in before)
    grown = add_products(thorough, NEW)
    with count_compilations() as compiled:
        done = retriever.swap_index(grown.index)
        after = list(retriever.retrieve(QUERIES, k=k))
    assert done.result() is False and not compiled
    for was, found in zip(before, after):
        assert {"n1", "n2"} <= set(found.product_ids)
        kept = [name for name in found.product_ids if name not in ("n1", "n2")]
        assert kept == list(was.product_ids), "the others stay as they were"
    with count_compilations() as compiled:
        again = list(grown.retriever.retrieve(QUERIES, k=k))
    assert not compiled, "the grown snapshot runs the programs of the one before"
    assert [found.product_ids for found in again] == [found.product_ids for found in after]


def test_a_snapshot_that_has_grown_comes_back_from_disk_and_grows_on(thorough, tmp_path):
    grown = add_products(thorough, NEW[:1])
    save_snapshot(tmp_path, grown)
    loaded = load_snapshot(tmp_path)
    assert loaded.coding == thorough.coding
    more = add_products(loaded, NEW[1:])
    assert more.index.code_table.digest == add_products(grown, NEW[1:]).index.code_table.digest
    answer = more.answer(QUERIES[0], k=40)
    assert {"n1", "n2"} <= {found.product_id for found in answer.products}
    assert NEW[1].title in {found.title for found in answer.products}


def test_a_product_that_is_there_already_is_refused(snapshot):
    for products in ((Product("p01", "x", {}),), (NEW[0], NEW[0])):
        with pytest.raises(InputError, match="in the catalogue already"):
            code_new_products(snapshot, products)


def test_no_products_change_nothing(snapshot):
    assert add_products(snapshot, ()).index.digest == snapshot.index.digest
