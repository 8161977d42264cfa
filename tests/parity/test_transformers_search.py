"""Our beam search finds the codes and scores that transformers' constrained `generate` finds."""

import jax
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra 'interop'")
pytest.importorskip("transformers", reason="needs the extra 'interop'")

from gram_jax.decoding.beam_search import beam_search
from gram_jax.models.cached_decoder import CachedDecoder
from gram_jax.testing.dict_trie import DictTrie
from gram_jax.testing.tiny_model import tiny_config, tiny_params
from gram_jax.testing.transformers_search import (
    TransformersSearch,
    transformers_model,
)
from gram_jax.text.encoding import with_eos
from gram_jax.trie.builder import build_trie

EOS_ID, VOCAB_SIZE, MAX_DEPTH, CAPACITY = 1, 16, 8, 1024
ABSOLUTE = 1e-5
SEEDS = range(4)
# As many on both sides: transformers 5 sizes the cache of its decoder by the encoder.
LAYERS = {"num_encoder_layers": 2, "num_decoder_layers": 2}


def nested_codes(rng):
    """Up to 120 codes of 1 to 6 tokens; many are prefixes of others, some all of a chain."""
    rows = rng.integers(2, VOCAB_SIZE, (100, 6))
    rows[50:, :3] = rows[:50, :3]
    codes = {tuple(row[:length]) for row, length in zip(rows.tolist(), rng.integers(1, 7, 100))}
    return sorted(codes | {tuple(rows[0, :length].tolist()) for length in range(1, 7)})


def codes_of_one_length(rng):
    return sorted(map(tuple, np.unique(rng.integers(2, VOCAB_SIZE, (150, 4)), axis=0).tolist()))


def queries(rng):
    rows = rng.integers(2, VOCAB_SIZE, (4, 9)).astype(np.int32)
    rows[np.arange(9) > rng.integers(1, 9, (4, 1))] = 0
    return rows


def sharp_params(config, seed):
    """Random parameters whose logits spread as those of a trained model do."""
    params = tiny_params(config, seed=seed)
    if not config.tie_embeddings:
        params["decoder"]["logits_dense"]["kernel"] *= 4.0
    return params


def our_codes(config, params, codes, query_rows, **options):
    """For each query [(tokens with EOS, score)], best first."""
    trie = build_trie(with_eos(codes, EOS_ID, MAX_DEPTH), vocab_size=VOCAB_SIZE, eos_id=EOS_ID,
                      node_capacity=CAPACITY, code_capacity=256, max_depth=MAX_DEPTH)
    beams = beam_search(CachedDecoder(config, params), trie, query_rows, **options)
    beams = jax.tree.map(np.asarray, beams)
    return [[(tuple(np.trim_zeros(row, "b").tolist()), float(score))
             for row, score in zip(beams.tokens[i][alive], beams.log_probs[i][alive])]
            for i, alive in enumerate(beams.alive)]


def their_codes(config, params, codes, query_rows, *, beam_size):
    search = TransformersSearch(transformers_model(params, config, eos_id=EOS_ID),
                                DictTrie(codes, eos_id=EOS_ID), max_depth=MAX_DEPTH)
    return search.codes(query_rows, beam_size=beam_size)


def assert_equal(ours, theirs):
    for our_row, their_row in zip(ours, theirs, strict=True):
        assert [code for code, _ in our_row] == [code for code, _ in their_row]
        np.testing.assert_allclose([score for _, score in our_row],
                                   [score for _, score in their_row], atol=ABSOLUTE, rtol=1e-5)


@pytest.mark.parametrize("seed, tie_embeddings, beam_sizes", [
    *((seed, False, (2, 10)) for seed in SEEDS),
    (5, True, (3,)),
    (6, False, (150,)),
])
def test_ranked_endings_are_those_of_transformers(seed, tie_embeddings, beam_sizes):
    config = tiny_config(VOCAB_SIZE, **LAYERS, tie_embeddings=tie_embeddings)
    params, rng = sharp_params(config, seed), np.random.default_rng(seed)
    codes, query_rows = nested_codes(rng), queries(rng)
    for beam_size in beam_sizes:
        ours = our_codes(config, params, codes, query_rows, beam_size=beam_size, endings="ranked")
        assert_equal(ours, their_codes(config, params, codes, query_rows, beam_size=beam_size))
        assert beam_size < len(codes) or all(len(row) == len(codes) for row in ours)


@pytest.mark.parametrize("endings", ["all", "ranked"])
@pytest.mark.parametrize("seed", SEEDS)
def test_where_all_codes_end_together_both_kinds_of_endings_are_those_of_transformers(
        seed, endings):
    config = tiny_config(VOCAB_SIZE, **LAYERS)
    params, rng = sharp_params(config, seed), np.random.default_rng(seed)
    codes, query_rows = codes_of_one_length(rng), queries(rng)
    for beam_size in (2, 20):
        ours = our_codes(config, params, codes, query_rows, beam_size=beam_size, endings=endings)
        assert_equal(ours, their_codes(config, params, codes, query_rows, beam_size=beam_size))


def test_with_fewer_codes_than_beams_transformers_pads_and_ours_does_not():
    config = tiny_config(VOCAB_SIZE)
    params, query_rows = sharp_params(config, 0), queries(np.random.default_rng(0))
    for codes in ([(2,)], [(3, 4, 5)], [(2,), (2, 3), (9, 9, 9, 9)]):
        for endings in ("all", "ranked"):
            ours = our_codes(config, params, codes, query_rows, beam_size=5, endings=endings)
            assert_equal(ours, their_codes(config, params, codes, query_rows, beam_size=5))
            assert all({code for code, _ in row} == {(*code, EOS_ID) for code in codes}
                       for row in ours)


@pytest.mark.parametrize("spoiled", [np.inf, -np.inf, np.nan, 1e38])
@pytest.mark.parametrize("endings", ["all", "ranked"])
def test_weights_that_overflow_never_make_an_invalid_code(spoiled, endings):
    config = tiny_config(VOCAB_SIZE)
    params, rng = sharp_params(config, 0), np.random.default_rng(0)
    codes, query_rows = nested_codes(rng), queries(rng)
    kernel = np.array(params["decoder"]["logits_dense"]["kernel"])
    kernel[:, rng.integers(1, VOCAB_SIZE, 6)] = spoiled
    params["decoder"]["logits_dense"]["kernel"] = kernel
    valid = {(*code, EOS_ID) for code in codes}
    for row in our_codes(config, params, codes, query_rows, beam_size=10, endings=endings):
        assert {code for code, _ in row} <= valid
        assert np.isfinite([score for _, score in row]).all()
