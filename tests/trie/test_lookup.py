"""What the device is told may follow a prefix is what the dictionary trie says."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.testing.dict_trie import DictTrie
from gram_jax.text.encoding import with_eos
from gram_jax.trie.builder import build_trie
from gram_jax.trie.code_trie import NO_CODE, ROOT
from gram_jax.trie.lookup import choices, is_tail, tail_code

EOS_ID, MAX_LENGTH = 3, 8
tokens = st.sampled_from([1, 2, 4, 5, 6])
codes = st.lists(st.lists(tokens, min_size=1, max_size=MAX_LENGTH - 1).map(tuple),
                 unique=True, max_size=30)
ask = jax.jit(choices)


def trie_of(codes, **options):
    return build_trie(with_eos(codes, EOS_ID, MAX_LENGTH), vocab_size=8, eos_id=EOS_ID,
                      max_depth=MAX_LENGTH, **options)


@given(codes)
def test_every_prefix_is_told_its_ending_and_how_it_goes_on(codes):
    trie = trie_of(codes)
    oracle = DictTrie(codes, eos_id=EOS_ID)
    told = [jax.tree.map(np.asarray, ask(trie, jnp.arange(trie.node_capacity), position))
            for position in range(MAX_LENGTH + 1)]
    pending = [(ROOT, ())]
    while pending:
        node, prefix = pending.pop()
        here = jax.tree.map(lambda leaf, node=node: leaf[node], told[len(prefix)])
        code_id = oracle.code_id((*prefix, EOS_ID))
        assert here.ended_codes == (NO_CODE if code_id is None else code_id)
        edges = range(here.first_edge, here.first_edge + here.num_edges)
        by = [int(here.tail_tokens)] if here.tail_tokens else [int(trie.edge_tokens[e])
                                                               for e in edges]
        assert by == [token for token in oracle.allowed(prefix) if token != EOS_ID]
        pending += [(edge + 1, (*prefix, token)) for edge, token in zip(edges, by, strict=True)]


@given(codes)
def test_whole_codes_and_padding_allow_nothing(codes):
    trie = trie_of(codes)
    num_nodes = trie.row_starts[-1] + 1
    tails = [node for node in range(num_nodes) if trie.node_code[node] != NO_CODE]
    lengths = [len(codes[trie.node_code[node]]) + 1 for node in tails]
    for nodes, positions in ((tails, lengths),
                             (range(num_nodes, trie.node_capacity), MAX_LENGTH - 1)):
        told = ask(trie, jnp.asarray(nodes, jnp.int32), jnp.asarray(positions, jnp.int32))
        assert not told.num_edges.any() and not told.tail_tokens.any()
        assert (told.ended_codes == NO_CODE).all()


def test_a_full_trie_answers_for_its_last_node():
    trie = trie_of([(2,), (4,)], node_capacity=3, code_capacity=2)
    told = choices(jax.device_put(trie), jnp.arange(3), 1)
    np.testing.assert_array_equal(told.num_edges, [2, 0, 0])
    np.testing.assert_array_equal(told.ended_codes, [NO_CODE, 0, 1])


def test_tails_know_their_code():
    trie = jax.device_put(trie_of([(2, 4), (2, 5), (6, 6)]))
    nodes = jnp.arange(6)  # root, 2, 6, 2-4, 2-5, and one that does not exist
    np.testing.assert_array_equal(is_tail(trie, nodes), [False, False, True, True, True, False])
    np.testing.assert_array_equal(tail_code(trie, nodes)[2:5], [2, 0, 1])


def test_a_trie_of_the_same_capacities_needs_no_compiling():
    asked = jax.jit(lambda *arguments: choices(*arguments))
    for more in ([], [(2, 4)], [(2, 4), (2, 5, 5), (6,)]):
        asked(jax.device_put(trie_of(more)), jnp.arange(4), 1)
    assert asked._cache_size() == 1
    asked(jax.device_put(trie_of([(2, 4)], code_capacity=320)), jnp.arange(4), 1)
    assert asked._cache_size() == 2
