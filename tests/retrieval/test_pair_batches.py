import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.retrieval.pair_batches import NONE, pair_batches

drawn_pairs = st.lists(st.tuples(st.integers(0, 9), st.integers(1, 13)), max_size=120)


@given(drawn_pairs, st.sampled_from([16, 33, 64]))
def test_every_pair_is_in_one_batch_beside_its_text_and_fits(pairs, batch_size):
    texts = np.array([text for text, _ in pairs], np.int32)
    lengths = np.array([length for _, length in pairs], np.int64)
    seen = []
    for batch in pair_batches(texts, lengths, batch_size=batch_size, max_code_length=14):
        rows, slots = batch.pairs.shape
        assert rows * slots <= batch_size
        assert len(batch.texts) == rows
        assert batch.code_length <= 14
        for text, row in zip(batch.texts, batch.pairs):
            row = row[row != NONE]
            assert (texts[row] == text).all()
            assert (lengths[row] <= batch.code_length).all()
            seen.extend(row.tolist())
    assert sorted(seen) == list(range(len(pairs)))


def test_a_catalogue_wastes_little_and_compiles_few_shapes():
    rng = np.random.default_rng(0)
    counts = rng.integers(1, 25, 15_000)
    texts = rng.permutation(np.repeat(np.arange(15_000), counts)).astype(np.int32)
    lengths = np.clip(rng.poisson(7, len(texts)), 2, 16)
    batches = pair_batches(texts, lengths, batch_size=128, max_code_length=16)
    assert len({(batch.pairs.shape, batch.code_length) for batch in batches}) <= 20
    computed = sum(batch.pairs.size * batch.code_length for batch in batches)
    assert lengths.sum() / computed > 0.55


def test_a_small_catalogue_needs_one_shape():
    rng = np.random.default_rng(0)
    texts = np.repeat(np.arange(20), 3).astype(np.int32)
    batches = pair_batches(texts, rng.integers(2, 13, 60), batch_size=512, max_code_length=12)
    assert {(batch.pairs.shape, batch.code_length) for batch in batches} == {((32, 16), 12)}


def test_a_batch_too_small_for_a_row_is_refused():
    with pytest.raises(ValueError, match="batch_size is 8"):
        pair_batches(np.zeros(1, np.int32), np.ones(1, int), batch_size=8, max_code_length=4)
