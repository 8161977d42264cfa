"""Products in a file look like a tuple of them, also to another process."""

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gram_jax.catalog.stored_products import StoredProducts, write_products
from gram_jax.core.records import Product

odd_texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20) \
    | st.sampled_from(["مصباح", "👩‍👩‍👧 lamp", "a\nb\r\n\u2028c\x85", '{"x": "\\', "x" * 10_000])
attributes = st.dictionaries(odd_texts, st.lists(odd_texts, max_size=2).map(tuple), max_size=3) \
    | st.just({f"field {number}": (f"value {number}",) for number in range(500)})
catalogues = st.lists(st.tuples(odd_texts, attributes), max_size=6).map(lambda rows: tuple(
    Product(f"p{place}", title, fields) for place, (title, fields) in enumerate(rows)))


@settings(max_examples=40)
@given(catalogues, st.data())
def test_they_are_a_sequence_like_a_tuple(tmp_path_factory, products, data):
    path = tmp_path_factory.mktemp("stored") / "products.jsonl"
    write_products(products, path)
    for stored in (StoredProducts.scan(path), StoredProducts.spool(iter(products))):
        assert (len(stored), tuple(stored), stored.ids) == (
            len(products), products, tuple(product.product_id for product in products))
        assert stored == products and products == stored
        assert list(stored) == list(stored)  # a stream can be had again
        ends = st.integers(-8, 8) | st.none()
        cut = slice(data.draw(ends), data.draw(ends))
        assert tuple(stored[cut]) == products[cut] and stored[cut].ids == tuple(
            product.product_id for product in products[cut])
        assert pickle.loads(pickle.dumps(stored[cut])) == products[cut]
        inner = slice(data.draw(ends), data.draw(ends))
        assert tuple(stored[cut][inner]) == products[cut][inner]
        for place in range(-len(products), len(products)):
            assert stored[place] == products[place]
        with pytest.raises(IndexError):
            stored[len(products)]


@settings(max_examples=40)
@given(catalogues, st.data())
def test_a_part_of_a_file_is_written_as_a_file(tmp_path_factory, products, data):
    folder = tmp_path_factory.mktemp("stored")
    start = data.draw(st.integers(0, len(products)))
    write_products(StoredProducts.spool(products)[start:], folder / "copied")
    write_products(products[start:], folder / "written")
    assert (folder / "copied").read_bytes() == (folder / "written").read_bytes()


def test_a_temporary_file_lives_as_long_as_its_products():
    stored = StoredProducts.spool([Product("p", "a"), Product("q", "b")])
    part = stored[1:]
    path = part._path
    del stored
    assert list(part) == [Product("q", "b")] and path.exists()
    del part
    assert not path.exists()


def test_other_sequences_are_told_apart():
    stored = StoredProducts.spool([Product("p", "a"), Product("q", "b")])
    assert stored != (Product("p", "a"),) and stored != (Product("p", "a"), Product("q", "c"))
    assert stored != 3
    with pytest.raises(ValueError, match="without a step"):
        stored[::2]


def test_a_file_that_became_shorter_is_not_copied(tmp_path):
    write_products([Product("p", "a"), Product("q", "b")], tmp_path / "x")
    stored = StoredProducts.scan(tmp_path / "x")
    (tmp_path / "x").write_bytes(b"")
    with pytest.raises(OSError, match="become shorter"):
        stored.save(tmp_path / "y")


@pytest.mark.parametrize("damage", [b"{", b"[]", b'{"product_id": "p", "title": "a"}', b"\xff"])
def test_a_damaged_line_is_found_when_the_file_is_opened(tmp_path, damage):
    write_products([Product("p", "a")], tmp_path / "x")
    with (tmp_path / "x").open("ab") as stream:
        stream.write(damage)
    with pytest.raises((ValueError, KeyError, TypeError)):
        StoredProducts.scan(tmp_path / "x")
