"""What the device is told may follow a prefix is what the dictionary trie says."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.testing.dict_trie import DictTrie
from gram_jax.trie.builder import build_trie
from gram_jax.trie.code_trie import NO_CODE, ROOT
from gram_jax.trie.lookup import choices

EOS_ID = 1
codes = st.lists(st.lists(st.integers(2, 6), min_size=1, max_size=4).map(tuple),
                 unique=True, max_size=30)
ask = jax.jit(choices)


@given(codes)
def test_every_node_is_told_its_ending_and_its_other_edges(codes):
    trie = build_trie(codes, vocab_size=8, eos_id=EOS_ID)
    oracle = DictTrie(codes, eos_id=EOS_ID)
    told = jax.tree.map(np.asarray, ask(trie, jnp.arange(trie.capacity)))
    pending, seen = [(ROOT, ())], set()
    while pending:
        node, prefix = pending.pop()
        seen.add(node)
        allowed = oracle.allowed(prefix)
        code_id = oracle.code_id((*prefix, EOS_ID))
        assert told.ended_codes[node] == (NO_CODE if code_id is None else code_id)
        assert code_id is None or told.eos_tokens[node] == EOS_ID
        edges = range(told.first_edge[node], told.first_edge[node] + told.num_edges[node])
        assert [trie.edge_tokens[e] for e in edges] == [t for t in allowed if t != EOS_ID]
        pending += [(int(trie.edge_children[e]), (*prefix, int(trie.edge_tokens[e])))
                    for e in edges]
    # Leaves and padding may be asked too, and allow nothing.
    rest = [node for node in range(trie.capacity) if node not in seen]
    assert (told.num_edges[rest] == 0).all() and (told.ended_codes[rest] == NO_CODE).all()


def test_a_full_trie_answers_for_its_last_node():
    trie = build_trie([(2,), (3,)], vocab_size=8, eos_id=EOS_ID, capacity=5)
    told = choices(jax.device_put(trie), jnp.arange(5))
    np.testing.assert_array_equal(told.num_edges, [2, 0, 0, 0, 0])
    np.testing.assert_array_equal(told.ended_codes, [NO_CODE, 0, 1, NO_CODE, NO_CODE])
