"""Every text is in one batch that holds it, and little is padding."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.retrieval.length_batches import length_batches


@given(st.lists(st.integers(0, 29), max_size=90), st.integers(1, 20))
def test_every_text_is_in_one_batch_that_holds_it(lengths, batch_size):
    lengths = np.array(lengths, np.int64)
    chunks = length_batches(lengths, batch_size=batch_size, max_length=29)
    batches = [batch for chunk in chunks for batch in chunk]
    assert sorted(np.concatenate([batch.texts for batch in batches], dtype=np.int64)
                  if batches else []) == list(range(len(lengths)))
    for batch in batches:
        assert 0 < batch.length <= 29 and (lengths[batch.texts] <= batch.length).all()
        assert batch.length % 8 == 0 or batch.length == 29
    assert all(len(batch.texts) == batch_size for batch in batches[:-1])
    assert [batch.length for batch in batches] == sorted(batch.length for batch in batches)


def test_a_catalogue_wastes_little_and_compiles_few_lengths():
    lengths = np.clip(np.random.default_rng(0).poisson(14, 20_000), 3, 32)
    chunks = length_batches(lengths, batch_size=64, max_length=32)
    batches = [batch for chunk in chunks for batch in chunk]
    assert len({batch.length for batch in batches}) <= 4
    assert lengths.sum() / sum(64 * batch.length for batch in batches) > 0.75
    assert {sum(len(batch.texts) for batch in chunk) for chunk in chunks[:-1]} == {512}


def test_a_batch_of_nothing_is_refused():
    with pytest.raises(ValueError, match="batch_size is 0"):
        length_batches(np.ones(1, int), batch_size=0, max_length=4)
