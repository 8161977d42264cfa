"""Every code that goes into a trie comes out, nothing else does, and faults are named."""

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.core.errors import InputError
from gram_jax.testing.dict_trie import DictTrie
from gram_jax.text.encoding import with_eos
from gram_jax.trie.builder import build_trie
from gram_jax.trie.code_trie import NO_CODE, ROOT

# EOS lies in the middle of the vocabulary, where nothing about its order is given. Small ones
# share prefixes and make codes that are prefixes of others; the widest needs three keys a code.
VOCABULARIES = {12: 5, 262_144: 200_000}


def codes_of(tokens):
    return st.lists(st.lists(tokens, min_size=1, max_size=9).map(tuple), unique=True, max_size=60)


@st.composite
def worlds(draw):
    """A vocabulary's size, its EOS, and codes."""
    vocab_size = draw(st.sampled_from(sorted(VOCABULARIES)))
    eos_id = VOCABULARIES[vocab_size]
    few = [1, 2, 3, eos_id - 1, eos_id + 1, vocab_size - 1]
    tokens = draw(st.sampled_from([
        st.sampled_from(few[:2]), st.sampled_from(few),
        st.integers(1, vocab_size - 1).filter(lambda token: token != eos_id)]))
    return vocab_size, eos_id, draw(codes_of(tokens))


def build(vocab_size, eos_id, codes, **options):
    rows = with_eos(codes, eos_id, max(map(len, codes), default=0) + 1)
    return build_trie(rows, vocab_size=vocab_size, eos_id=eos_id, **options)


def walk(trie, node=ROOT, prefix=()):
    """Yields (tokens with EOS, code id) of every code that can be reached."""
    edges = range(trie.row_starts[node], trie.row_starts[node + 1])
    code = int(trie.node_code[node])
    if code != NO_CODE:
        assert not edges, "a tail has no edges"
        tokens = tuple(trie.code_tokens[code][trie.code_tokens[code] != 0].tolist())
        assert tokens[:len(prefix)] == prefix
        yield tokens, code
    for edge in edges:
        yield from walk(trie, edge + 1, (*prefix, int(trie.edge_tokens[edge])))


@given(worlds())
def test_walking_the_trie_finds_exactly_the_codes_with_their_ids(world):
    _, eos_id, codes = world
    found = list(walk(build(*world)))
    assert len(found) == len(codes)
    assert dict(found) == DictTrie(codes, eos_id=eos_id).codes()


@given(worlds())
def test_codes_are_kept_as_they_came(world):
    _, eos_id, codes = world
    trie = build(*world)
    np.testing.assert_array_equal(trie.code_tokens[:len(codes)],
                                  with_eos(codes, eos_id, trie.max_depth))


@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_of_the_codes_does_not_shape_the_trie(world, random):
    *vocabulary, codes = world
    shuffled = random.sample(range(len(codes)), len(codes))
    one = build(*vocabulary, codes)
    other = build(*vocabulary, [codes[i] for i in shuffled])
    np.testing.assert_array_equal(one.row_starts, other.row_starts)
    np.testing.assert_array_equal(one.edge_tokens, other.edge_tokens)
    tail = other.node_code != NO_CODE
    np.testing.assert_array_equal(one.node_code[tail],
                                  np.asarray(shuffled, np.int32)[other.node_code[tail]])
    assert (one.node_code[~tail] == NO_CODE).all()


@given(worlds())
def test_rows_are_in_the_order_of_the_oracle_and_stop_where_one_code_is_left(world):
    trie = build(*world)
    oracle = DictTrie(world[2], eos_id=world[1])
    pending, seen = [(ROOT, ())], 0
    while pending:
        node, prefix = pending.pop()
        seen += 1
        row = slice(trie.row_starts[node], trie.row_starts[node + 1])
        passing = [i for tokens, i in oracle.codes().items() if tokens[:len(prefix)] == prefix]
        assert trie.node_code[node] == (passing[0] if len(passing) == 1 else NO_CODE)
        assert list(trie.edge_tokens[row]) == (oracle.allowed(prefix) if len(passing) > 1 else [])
        pending += [(edge + 1, (*prefix, int(trie.edge_tokens[edge])))
                    for edge in range(row.start, row.stop)]
    # Each node has one parent, and what lies behind the last is inert.
    assert seen == trie.row_starts[-1] + 1
    assert (np.diff(trie.row_starts)[seen:] == 0).all()
    assert (trie.node_code[seen:] == NO_CODE).all()
    assert not trie.edge_tokens[seen - 1:].any() and not trie.code_tokens[len(world[2]):].any()


def test_one_code_is_a_tail_from_the_root_on():
    trie = build(12, 5, [(2, 3)])
    assert trie.node_code[ROOT] == 0 and trie.row_starts[-1] == 0


def test_a_few_codes_more_leave_every_shape_and_static_field_alone():
    def abstract(codes):
        trie = build(12, 5, codes)
        return jax.tree.structure(trie), [(leaf.shape, leaf.dtype)
                                          for leaf in jax.tree.leaves(trie)]

    assert abstract([(2, 3)]) == abstract([(2, 3), (2, 4, 6), (7,)]) == abstract([])


def test_many_codes_of_a_large_vocabulary():
    rng = np.random.default_rng(0)
    early = np.minimum(rng.zipf(1.2, (60_000, 7)) + 1, 262_143)
    codes = list({tuple(row[:length])
                  for row, length in zip(early.tolist(), rng.integers(1, 8, 60_000))})
    assert dict(walk(build(262_144, 1, codes))) == DictTrie(codes, eos_id=1).codes()


@pytest.mark.parametrize("bad, fault", [
    ([5, 0, 0, 0], "is empty"),
    ([0, 0, 0, 0], "is empty"),
    ([2, 3, 4, 6], "does not end with EOS"),
    ([2, 0, 0, 0], "does not end with EOS"),
    ([2, 5, 5, 0], "goes on after EOS"),
    ([2, 5, 3, 0], "goes on after EOS"),
    ([2, 0, 3, 5], "holds padding"),
    ([2, 12, 5, 0], "outside 1 .. 11"),
    ([-4, 5, 0, 0], "outside"),
    ([2, 2**40, 5, 0], "outside"),
    ([3, 4, 5, 0], r"code 2 \('bad'\) has the same tokens as code 1 \('twin'\)"),
])
def test_a_faulty_code_is_refused_by_index_and_name(bad, fault):
    rows = np.array([[2, 5, 0, 0], [3, 4, 5, 0], bad])
    with pytest.raises(InputError, match=fault) as caught:
        build_trie(rows, vocab_size=12, eos_id=5, names=["good", "twin", "bad"])
    assert "code 2 ('bad')" in str(caught.value) and caught.value.remedy


def test_of_many_that_repeat_the_first_to_do_so_is_named():
    rng = np.random.default_rng(0)
    rows = np.full((90_000, 4), 5)
    rows[:, :3] = np.stack(np.unravel_index(rng.permutation(90_000), (9, 100, 100)), 1) + 6
    rows[70_001], rows[70_000], rows[80_000] = rows[3], rows[1], rows[1]
    with pytest.raises(InputError, match="code 70000 has the same tokens as code 1\n"):
        build_trie(rows, vocab_size=120, eos_id=5)


def test_codes_that_do_not_fit_are_refused():
    for options, message in (({"max_depth": 2}, "3 tokens with EOS; max_depth is 2"),
                             ({"node_capacity": 2}, "3 nodes; node_capacity is 2"),
                             ({"code_capacity": 1}, "2 codes; code_capacity is 1")):
        with pytest.raises(ValueError, match=message):
            build(12, 5, [(2, 3), (4,)], **options)
    with pytest.raises(ValueError, match="eos_id 12"):
        build(12, 12, [(2, 3)])
    with pytest.raises(ValueError, match="float64"):
        build_trie(np.ones((2, 3)), vocab_size=12, eos_id=1)
