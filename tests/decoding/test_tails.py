"""How tails are cut into passes and groups changes nothing that is found."""

import functools

import jax
import numpy as np
import pytest

from gram_jax.decoding import beam_search as searching
from gram_jax.decoding import tails
from gram_jax.models.cached_decoder import CachedDecoder
from gram_jax.testing.scripted_logits import ScriptedLogits
from gram_jax.testing.tiny_model import tiny_config, tiny_params
from gram_jax.text.encoding import with_eos
from gram_jax.trie.builder import build_trie

EOS_ID, VOCAB_SIZE, BEAM_SIZE = 1, 40, 6
QUERIES = np.array([[3, 4, 1], [9, 1, 0], [5, 5, 5], [0, 0, 0]], np.int32)


@pytest.fixture(scope="module")
def trie():
    """Codes of all lengths that part at their first or second token, so most of each is a tail."""
    rng = np.random.default_rng(0)
    codes = {tuple(row[:length]) for row, length in zip(
        rng.integers(2, VOCAB_SIZE, (60, 11)).tolist(), rng.integers(1, 12, 60))}
    return build_trie(with_eos(sorted(codes), EOS_ID, 12), vocab_size=VOCAB_SIZE, eos_id=EOS_ID)


def fresh_search(decoder, trie):
    """A search that is traced anew, so that it sees what a test has changed."""
    search = jax.jit(functools.partial(searching.beam_search.__wrapped__, beam_size=BEAM_SIZE))
    return jax.tree.map(np.asarray, search(decoder, trie, QUERIES))


@pytest.mark.parametrize("group_size, num_tokens", [(1, 1), (4, 2), (5, 12), (40, 3)])
def test_groups_and_passes_of_any_size_find_the_same(trie, monkeypatch, group_size, num_tokens):
    decoder = ScriptedLogits(VOCAB_SIZE, seed=1)
    expected = fresh_search(decoder, trie)
    monkeypatch.setattr(tails, "_GROUP_SIZE", group_size)
    monkeypatch.setattr(tails, "_TAIL_TOKENS", num_tokens)
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-6),
                 fresh_search(decoder, trie), expected)
    assert expected.alive[:3].all() and not expected.alive[3].any()


def test_a_model_scores_tails_as_it_scores_single_steps(trie, monkeypatch):
    config = tiny_config(vocab_size=VOCAB_SIZE)
    decoder = CachedDecoder(config, tiny_params(config, seed=3))
    # No node counts as a tail until its code is at its end: everything is done in steps.
    monkeypatch.setattr(searching, "is_tail", lambda trie, nodes: nodes < 0)
    in_steps = fresh_search(decoder, trie)
    monkeypatch.undo()
    found = fresh_search(decoder, trie)
    np.testing.assert_array_equal(found.code_ids, in_steps.code_ids)
    np.testing.assert_allclose(found.token_log_probs, in_steps.token_log_probs, atol=5e-5)
