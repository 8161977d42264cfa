"""Pairs of texts and codes, of either side, have the log-probabilities of each pair alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gram_jax.retrieval.code_log_probs import code_log_probs
from gram_jax.text.encoding import encode_inputs
from gram_jax.text.prompts import product_input, query_input

MAX_LENGTH, NUM_TEXTS, NUM_CODES = 8, 6, 14
pairs = st.lists(st.tuples(st.integers(0, NUM_TEXTS - 1), st.integers(0, NUM_CODES - 1)),
                 max_size=40)


@pytest.fixture(scope="module")
def sides(world):
    """The texts of three queries and three products, and what each says of every code."""
    inputs = [*(query_input(query.text) for query in world.queries[:3]),
              *(product_input(text) for text in world.texts[:3])]
    alone = np.stack([world.log_probs_of_all_codes(text) for text in inputs])
    return encode_inputs(world.vocabulary, inputs, MAX_LENGTH), alone


@settings(max_examples=20)
@given(pairs, st.sampled_from([1, 2**28]))
def test_each_pair_has_what_its_text_alone_says_of_its_code(world, sides, pairs, block_bytes):
    texts, alone = sides
    pair_texts, pair_codes = np.array(pairs, np.int64).reshape(-1, 2).T
    found = code_log_probs(world.config, world.params, texts, world.index.code_tokens,
                           pair_texts, pair_codes, batch_size=32, block_bytes=block_bytes)
    assert found.dtype == np.float32 and found.shape == (len(pairs), alone.shape[2])
    np.testing.assert_allclose(found, alone[pair_texts, pair_codes], atol=2e-5)
    assert not found[world.index.code_tokens[pair_codes] == 0].any()


def test_the_sum_over_the_tokens_is_what_beam_search_calls_the_codes_log_probability(world):
    from gram_jax.retrieval.code_generation import generate_codes

    inputs = [query_input(query.text) for query in world.queries]
    generated = generate_codes(
        world.config, world.params, world.index.trie, world.table, world.vocabulary,
        [query.query_id for query in world.queries], inputs, beam_size=NUM_CODES, batch_size=8,
        max_input_length=MAX_LENGTH)
    found = code_log_probs(
        world.config, world.params, encode_inputs(world.vocabulary, inputs, MAX_LENGTH),
        world.index.code_tokens, generated.rows, generated.codes)
    assert len(found) == len(inputs) * NUM_CODES
    np.testing.assert_allclose(found.sum(axis=1), generated.log_probs, atol=1e-4)


def test_pairs_that_are_not_there_are_refused(world, sides):
    def score(pair_texts, pair_codes):
        return code_log_probs(world.config, world.params, sides[0], world.index.code_tokens,
                              np.array(pair_texts), np.array(pair_codes))

    for text, code, name in ((6, 0, "text"), (-1, 0, "text"), (0, 14, "code"), (0, -1, "code")):
        with pytest.raises(ValueError, match=f"names a {name}"):
            score([text], [code])
    with pytest.raises(ValueError, match="not both"):
        score([0, 1], [0])


def test_a_killed_run_goes_on_behind_its_last_finished_block(world, sides, tmp_path):
    texts = sides[0]
    pair_texts, pair_codes = map(np.ravel, np.indices((NUM_TEXTS, NUM_CODES)))
    seen = []

    def score(stop_before=None):
        def progress(blocks, description, total):
            for block in blocks:
                if len(seen) == stop_before:
                    raise KeyboardInterrupt
                yield block
                seen.append({path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()})
        return code_log_probs(world.config, world.params, texts, world.index.code_tokens,
                              pair_texts, pair_codes, batch_size=32, folder=tmp_path,
                              block_bytes=2 * texts[0].size * world.config.d_model * 4,
                              progress=progress)

    with pytest.raises(KeyboardInterrupt):
        score(stop_before=2)
    assert len(seen[-1]) == 2
    kept = seen[-1]
    found = score()
    assert len(seen[-1]) == 3 and kept.items() <= seen[-1].items()
    np.testing.assert_allclose(found.reshape(sides[1].shape), sides[1], atol=2e-5)
