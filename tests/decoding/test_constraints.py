"""The waves over the edges equal one stable sort of all of them, whatever the sizes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gram_jax.decoding import constraints
from gram_jax.text.encoding import with_eos
from gram_jax.trie.builder import build_trie
from gram_jax.trie.code_trie import NO_CODE
from gram_jax.trie.lookup import choices

EOS_ID, VOCAB_SIZE, BATCH, BEAMS, POSITION = 1, 40, 3, 4, 2


@pytest.fixture(scope="module")
def trie():
    rng = np.random.default_rng(0)
    codes = {tuple(row[:length]) for row, length in zip(
        rng.integers(2, VOCAB_SIZE, (300, 4)).tolist(), rng.integers(1, 5, 300))}
    return jax.device_put(build_trie(with_eos(sorted(codes), EOS_ID, 5), vocab_size=VOCAB_SIZE,
                                     eos_id=EOS_ID))


@pytest.fixture(params=[0, 1, 2])
def situation(trie, request):
    """Live beams at random nodes, some dead, some tied, and logits with ties and impossibles."""
    rng = np.random.default_rng(request.param)
    num_inner = 1 + 38 + 200  # nodes
    nodes = rng.integers(0, num_inner, (BATCH, BEAMS))
    nodes[0, 0] = 0
    log_probs = np.where(rng.random((BATCH, BEAMS)) < 0.3, -np.inf,
                         -rng.integers(0, 3, (BATCH, BEAMS)))
    logits = rng.integers(0, 4, (BATCH, BEAMS, VOCAB_SIZE)).astype(np.float32)
    logits[rng.random(logits.shape) < 0.1] = -np.inf
    return jnp.asarray(nodes), jnp.asarray(log_probs, jnp.float32), jnp.asarray(logits)


def allowed(trie, node):
    """Every (token, node) that the trie allows after a node, EOS included."""
    code = trie.node_code[node]
    if code != NO_CODE:
        return [(token, node) for token in trie.code_tokens[code, POSITION:][:1] if token]
    return [(trie.edge_tokens[edge], edge + 1)
            for edge in range(trie.row_starts[node], trie.row_starts[node + 1])]


def all_edges(trie, nodes, log_probs, logits, normalizers):
    """Every (-score, beam, token, node) that goes on, in order of rank, for each row."""
    trie, nodes, log_probs, logits, normalizers = jax.tree.map(
        np.asarray, (trie, nodes, log_probs, logits, normalizers))
    for row in range(BATCH):
        ranked = []
        for beam in np.flatnonzero(log_probs[row] > -np.inf):
            node = nodes[row, beam]
            for token, child in allowed(trie, node):
                score = log_probs[row, beam] + (logits[row, beam, token]
                                                - normalizers[row, beam])
                if token != EOS_ID and score > -np.inf:
                    ranked.append((-score, beam, token, child))
        yield sorted(ranked)


@pytest.fixture(params=[(1, 1, 1), (3, 2, 1), (1, 64, 1), (128, 16, 4), (1, 1, 64)])
def sizes(request, monkeypatch):
    """Stretches a wave, edges a stretch, edges a short stretch; the last takes all at once."""
    for name, size in zip(("_WAVE_SIZE", "_STRETCH", "_SHORT_STRETCH"), request.param):
        monkeypatch.setattr(constraints, name, size)


@pytest.mark.usefixtures("sizes")
def test_the_best_continuations_are_those_of_a_stable_sort(trie, situation):
    nodes, log_probs, logits = situation
    normalizers = jnp.zeros((BATCH, BEAMS))
    best = jax.tree.map(np.asarray, constraints.best_continuations(
        trie, choices(trie, nodes, POSITION), log_probs, logits, normalizers, beam_size=BEAMS))
    for row, expected in enumerate(all_edges(trie, nodes, log_probs, logits, normalizers)):
        found = [(-best.log_probs[row, i], best.parents[row, i], best.tokens[row, i],
                  best.nodes[row, i]) for i in range(BEAMS) if best.log_probs[row, i] > -np.inf]
        assert found == expected[:BEAMS]


@pytest.mark.usefixtures("sizes")
def test_allowed_probabilities_sum_to_one_over_the_edges(trie, situation):
    nodes, log_probs, logits = situation
    is_live = log_probs > -jnp.inf
    normalizers = np.asarray(constraints.allowed_normalizers(
        trie, choices(trie, nodes, POSITION), is_live, logits))
    trie, nodes, logits = jax.tree.map(np.asarray, (trie, nodes, logits))
    for row, beam in np.argwhere(is_live):
        node = nodes[row, beam]
        tokens = [token for token, _ in allowed(trie, node)]
        expected = np.logaddexp.reduce(logits[row, beam, tokens], initial=-np.inf)
        np.testing.assert_allclose(normalizers[row, beam], expected, rtol=1e-5)


def test_logits_that_are_not_numbers_are_impossible():
    scores = jnp.array([jnp.nan, -jnp.inf, -3.0, -3.0])
    possible = jnp.array([True, True, True, False])
    np.testing.assert_array_equal(constraints.or_impossible(scores, possible),
                                  [-np.inf, -np.inf, -3.0, -np.inf])
