"""Every code that goes into a trie comes out, nothing else does, and faults are named."""

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.core.errors import InputError
from gram_jax.testing.dict_trie import DictTrie
from gram_jax.trie.builder import build_trie
from gram_jax.trie.code_trie import NO_CODE, ROOT

VOCAB_SIZE = 12
EOS_ID = 5  # in the middle of the vocabulary, where nothing about its order is given

# Few tokens, so that prefixes are shared and codes are prefixes of other codes.
tokens = st.sampled_from([t for t in range(1, VOCAB_SIZE) if t != EOS_ID])
codes = st.lists(st.lists(tokens, min_size=1, max_size=6).map(tuple), unique=True, max_size=60)


def walk(trie, node=ROOT, prefix=()):
    """Yields (tokens with EOS, code id) of every leaf that can be reached."""
    if trie.node_code[node] != NO_CODE:
        yield prefix, int(trie.node_code[node])
    for edge in range(trie.row_starts[node], trie.row_starts[node + 1]):
        token = int(trie.edge_tokens[edge])
        yield from walk(trie, trie.edge_children[edge], (*prefix, token))


@given(codes)
def test_walking_the_trie_finds_exactly_the_codes_with_their_ids(codes):
    trie = build_trie(codes, vocab_size=VOCAB_SIZE, eos_id=EOS_ID)
    found = list(walk(trie))
    assert len(found) == len(codes)
    assert dict(found) == DictTrie(codes, eos_id=EOS_ID).codes()


@given(codes, st.randoms(use_true_random=False))
def test_the_order_of_the_codes_does_not_shape_the_trie(codes, random):
    shuffled = random.sample(range(len(codes)), len(codes))
    one = build_trie(codes, vocab_size=VOCAB_SIZE, eos_id=EOS_ID)
    other = build_trie([codes[i] for i in shuffled], vocab_size=VOCAB_SIZE, eos_id=EOS_ID)
    np.testing.assert_array_equal(one.row_starts, other.row_starts)
    np.testing.assert_array_equal(one.edge_tokens, other.edge_tokens)
    leaf = other.node_code != NO_CODE
    np.testing.assert_array_equal(one.node_code[leaf],
                                  np.asarray(shuffled, np.int32)[other.node_code[leaf]])


@given(codes)
def test_rows_are_in_the_order_of_the_oracle_and_each_node_has_one_parent(codes):
    trie = build_trie(codes, vocab_size=VOCAB_SIZE, eos_id=EOS_ID)
    oracle = DictTrie(codes, eos_id=EOS_ID)
    num_edges = trie.row_starts[-1]
    assert sorted(trie.edge_children[:num_edges]) == list(range(1, num_edges + 1))

    def check(node, prefix):
        row = slice(trie.row_starts[node], trie.row_starts[node + 1])
        assert list(trie.edge_tokens[row]) == oracle.allowed(prefix)
        for token, child in zip(trie.edge_tokens[row], trie.edge_children[row]):
            check(child, (*prefix, int(token)))

    check(ROOT, ())


def test_padding_has_no_edges_and_no_codes():
    trie = build_trie([(2, 3), (2,)], vocab_size=VOCAB_SIZE, eos_id=EOS_ID, capacity=16)
    num_nodes = 5
    assert trie.capacity == 16 and trie.row_starts.shape == (17,)
    assert (np.diff(trie.row_starts)[num_nodes:] == 0).all()
    assert (trie.node_code[num_nodes:] == NO_CODE).all()


def test_a_few_codes_more_leave_every_shape_and_static_field_alone():
    def abstract(codes):
        trie = build_trie(codes, vocab_size=VOCAB_SIZE, eos_id=EOS_ID)
        return jax.tree.structure(trie), [leaf.shape for leaf in jax.tree.leaves(trie)]

    assert abstract([(2, 3)]) == abstract([(2, 3), (2, 4, 6), (7,)]) == abstract([])


def test_many_codes_of_a_large_vocabulary():
    rng = np.random.default_rng(0)
    codes = list({tuple(row[:length]) for row, length in zip(
        rng.integers(2, 200_000, (5000, 7)).tolist(), rng.integers(1, 8, 5000))})
    trie = build_trie(codes, vocab_size=262_144, eos_id=1)
    assert dict(walk(trie)) == DictTrie(codes, eos_id=1).codes()


@pytest.mark.parametrize("bad, fault", [
    ((), "is empty"),
    ((2, EOS_ID), "holds EOS"),
    ((2, 0, 3), "holds padding"),
    ((2, VOCAB_SIZE), "outside 1 .. 11"),
    ((-4,), "outside"),
    ((2, 2**40), "outside"),
    ((3, 4), r"code 2 \('bad'\) has the same tokens as code 1 \('twin'\)"),
])
def test_a_faulty_code_is_refused_by_index_and_name(bad, fault):
    with pytest.raises(InputError, match=fault) as caught:
        build_trie([(2,), (3, 4), bad], vocab_size=VOCAB_SIZE, eos_id=EOS_ID,
                   names=["good", "twin", "bad"])
    assert "code 2 ('bad')" in str(caught.value) and caught.value.remedy


def test_codes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="3 tokens with EOS; max_depth is 2"):
        build_trie([(2, 3)], vocab_size=VOCAB_SIZE, eos_id=EOS_ID, max_depth=2)
    with pytest.raises(ValueError, match="4 nodes; capacity is 3"):
        build_trie([(2, 3)], vocab_size=VOCAB_SIZE, eos_id=EOS_ID, capacity=3)
    with pytest.raises(ValueError, match="eos_id 12"):
        build_trie([(2, 3)], vocab_size=VOCAB_SIZE, eos_id=VOCAB_SIZE)
