"""No two products have one id, whatever their embeddings; where there is room, none needs a suffix.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.baselines.residual_quantization import ResidualQuantizer, fit_residual_quantizer
from gram_jax.baselines.semantic_ids import (
    NO_SUFFIX,
    SemanticIds,
    assign_semantic_ids,
    collision_suffixes,
)
from gram_jax.core.errors import ArtifactError
from gram_jax.text.normal_form import normalize_text

catalogues = st.tuples(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 3),
                       st.integers(1, 5))


def world(seed, count, levels, codewords):
    """Embeddings of which many are equal, a quantizer fitted on them, and product ids."""
    rng = np.random.default_rng(seed)
    different = rng.normal(0, 1, (max(1, count // 2), 3))
    embeddings = different[rng.integers(len(different), size=count)].astype(np.float32)
    quantizer = fit_residual_quantizer(embeddings, num_levels=levels, num_codewords=codewords,
                                       seed=seed)
    return quantizer, embeddings, [f"p{number}" for number in range(count)]


@given(catalogues, st.booleans())
def test_ids_are_unique_and_only_what_is_shared_has_a_suffix(sizes, balance):
    ids = assign_semantic_ids(*world(*sizes), balance_last_level=balance)
    assert len(set(ids.texts)) == len(ids.product_ids) == sizes[1]
    rows = ids.codewords.tolist()
    for row, suffix in zip(rows, ids.suffixes.tolist()):
        assert (suffix == NO_SUFFIX) == (rows.count(row) == 1)
    for row in rows:
        mine = sorted(s for other, s in zip(rows, ids.suffixes.tolist()) if other == row)
        assert mine == [NO_SUFFIX] or mine == list(range(len(mine)))


@given(catalogues)
def test_without_balance_the_codewords_are_the_nearest(sizes):
    quantizer, embeddings, names = world(*sizes)
    ids = assign_semantic_ids(quantizer, embeddings, names, balance_last_level=False)
    np.testing.assert_array_equal(ids.codewords, quantizer.encode(embeddings))


@given(catalogues)
def test_balance_touches_the_last_level_of_colliding_groups_only_and_makes_it_even(sizes):
    quantizer, embeddings, names = world(*sizes)
    nearest = quantizer.encode(embeddings)
    found = assign_semantic_ids(quantizer, embeddings, names).codewords
    np.testing.assert_array_equal(found[:, :-1], nearest[:, :-1])
    for prefix in {tuple(row) for row in nearest[:, :-1].tolist()}:
        members = (nearest[:, :-1] == np.array(prefix, np.int32)).all(axis=1)
        counts = np.bincount(nearest[members, -1], minlength=quantizer.num_codewords)
        if counts.max() == 1:
            np.testing.assert_array_equal(found[members], nearest[members])
        else:
            counts = np.bincount(found[members, -1], minlength=quantizer.num_codewords)
            assert counts.max() - counts.min() <= 1


def test_equal_products_get_different_codewords_while_there_are_enough():
    quantizer = ResidualQuantizer(np.eye(4, dtype=np.float32)[None].repeat(2, axis=0))
    embeddings = np.tile(np.array([2.0, 0.3, 0.2, 0.1], np.float32), (4, 1))
    balanced = assign_semantic_ids(quantizer, embeddings, "abcd")
    assert balanced.num_suffixes == 0 and set(balanced.codewords[:, 1].tolist()) == {0, 1, 2, 3}
    shared = assign_semantic_ids(quantizer, embeddings, "abcd", balance_last_level=False)
    assert shared.suffixes.tolist() == [0, 1, 2, 3] and shared.figures()["shared"] == 1.0
    assert shared.texts[1] == "sid0c0 sid1c0 sid2c1"


def test_suffixes_count_rows_that_repeat_in_their_order():
    codewords = np.array([[1, 2], [1, 3], [1, 2], [0, 0], [1, 2]], np.int32)
    assert collision_suffixes(codewords).tolist() == [0, NO_SUFFIX, 1, NO_SUFFIX, 2]


@given(catalogues, st.booleans())
def test_texts_are_words_in_normal_form_of_which_none_begins_another(sizes, balance):
    ids = assign_semantic_ids(*world(*sizes), balance_last_level=balance)
    words = set(ids.words)
    assert len(words) == len(ids.words) == sizes[2] * sizes[3] + ids.num_suffixes
    for text in ids.texts:
        assert normalize_text(text) == text and set(text.split()) <= words
    assert not any(a != b and b.startswith(a) for a in words for b in words)


def test_words_of_more_than_ten_codewords_are_equally_long():
    codewords = np.array([[7], [11]], np.int32)
    ids = SemanticIds(("a", "b"), codewords, collision_suffixes(codewords), 12)
    assert ids.texts == ("sid0c07", "sid0c11")


@given(catalogues)
def test_the_code_table_files_each_product_under_its_id(sizes):
    ids = assign_semantic_ids(*world(*sizes))
    table = ids.code_table()
    assert table.product_ids == ids.product_ids and table.num_codes == len(ids.texts)
    for product, text in enumerate(ids.texts):
        assert table.postings(table.id_of_text[text]).tolist() == [product]


def test_figures_count_codewords_and_how_evenly_they_are_used():
    codewords = np.array([[0, 1], [0, 2], [1, 3], [1, 0]], np.int32)
    figures = SemanticIds(tuple("abcd"), codewords, collision_suffixes(codewords), 4).figures()
    assert figures["products"] == 4 and figures["shared"] == 0
    assert (figures["used_codewords_0"], figures["used_codewords_1"]) == (2, 4)
    assert figures["perplexity_0"] == pytest.approx(2)
    assert figures["perplexity_1"] == pytest.approx(4)


def test_what_was_saved_is_loaded_and_damage_is_named(tmp_path):
    ids, path = assign_semantic_ids(*world(1, 20, 2, 3)), tmp_path / "ids.npz"
    ids.save(path)
    loaded = SemanticIds.load(path)
    assert loaded.texts == ids.texts and loaded.product_ids == ids.product_ids
    path.write_bytes(path.read_bytes()[:90])
    with pytest.raises(ArtifactError, match=r"ids\.npz"):
        SemanticIds.load(path)


@pytest.mark.parametrize(("names", "codewords", "suffixes", "message"), [
    ("ab", [[0], [0]], [-1, -1], "the same semantic id"),
    ("aa", [[0], [1]], [-1, -1], "product_id is there twice"),
    ("ab", [[0], [9]], [-1, -1], "outside 0 .. 3"),
    ("ab", [[0], [1]], [-1], "not int32"),
    ("ab", [[0], [1]], [-2, -1], "suffix below"),
])
def test_what_are_no_semantic_ids_is_refused(names, codewords, suffixes, message):
    with pytest.raises(ValueError, match=message):
        SemanticIds(tuple(names), np.array(codewords, np.int32), np.array(suffixes, np.int32), 4)


def test_embeddings_of_other_products_are_refused():
    quantizer, embeddings, names = world(0, 5, 2, 3)
    with pytest.raises(ValueError, match="5 embeddings for 4 products"):
        assign_semantic_ids(quantizer, embeddings, names[:4])
