"""Each level takes away from what is left, and encoding is the greedy choice that it says it is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.baselines.residual_quantization import ResidualQuantizer, fit_residual_quantizer
from gram_jax.core.errors import ArtifactError


def embeddings_of(seed, count=200, size=6):
    rng = np.random.default_rng(seed)
    mixed = rng.normal(0, 1, (count, size)) @ rng.normal(0, 1, (size, size))
    return (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).astype(np.float32)


def quantizer_of(seed, levels=3, codewords=5, size=4):
    rng = np.random.default_rng(seed)
    return ResidualQuantizer(rng.normal(0, 1, (levels, codewords, size)).astype(np.float32))


@pytest.mark.parametrize("seed", range(3))
def test_the_error_falls_with_each_level(seed):
    embeddings = embeddings_of(seed)
    quantizer = fit_residual_quantizer(embeddings, num_levels=4, num_codewords=8, seed=seed)
    errors = quantizer.errors(embeddings, quantizer.encode(embeddings))
    assert errors.shape == (5,)
    assert errors[0] == pytest.approx(np.square(embeddings).sum(axis=1).mean(), rel=1e-5)
    assert np.all(np.diff(errors) < 0) and errors[-1] < 0.2 * errors[0]


@given(st.integers(0, 10**6))
def test_each_level_takes_the_nearest_codeword_to_what_is_left(seed):
    quantizer, rng = quantizer_of(seed), np.random.default_rng(seed)
    embeddings = rng.normal(0, 1, (7, 4)).astype(np.float32)
    codewords = quantizer.encode(embeddings)
    for embedding, chosen in zip(embeddings, codewords):
        left = embedding.astype(np.float64)
        for codebook, codeword in zip(quantizer.codebooks, chosen):
            distances = np.square(left - codebook).sum(axis=1)
            assert distances[codeword] <= distances.min() + 1e-4
            left = left - codebook[codeword]
        np.testing.assert_allclose(quantizer.reconstruct(chosen[None])[0], embedding - left,
                                   atol=1e-5)


@given(st.integers(0, 10**6), st.integers(0, 2))
def test_distances_are_squares_of_what_would_be_left(seed, level):
    quantizer, rng = quantizer_of(seed), np.random.default_rng(seed)
    embeddings = rng.normal(0, 1, (3, 4)).astype(np.float32)
    prefixes = rng.integers(0, 5, (3, level), dtype=np.int32)
    found = quantizer.distances(embeddings, prefixes)
    for row in range(3):
        for codeword in range(5):
            named = np.array([[*prefixes[row], codeword]])
            left = embeddings[row] - quantizer.reconstruct(named)[0]
            assert found[row, codeword] == pytest.approx(np.square(left).sum(), abs=1e-4)


def test_a_seed_gives_one_quantizer_and_float16_embeddings_are_taken():
    embeddings = embeddings_of(0).astype(np.float16)
    settings = {"num_levels": 2, "num_codewords": 4}
    first = fit_residual_quantizer(embeddings, seed=1, **settings)
    assert first.digest == fit_residual_quantizer(embeddings, seed=1, **settings).digest
    assert first.digest != fit_residual_quantizer(embeddings, seed=2, **settings).digest


def test_fewer_vectors_than_codewords_are_named_exactly():
    embeddings = embeddings_of(0, count=3)
    quantizer = fit_residual_quantizer(embeddings, num_levels=2, num_codewords=8, seed=0)
    np.testing.assert_allclose(quantizer.reconstruct(quantizer.encode(embeddings)), embeddings,
                               atol=1e-5)


def test_what_was_saved_is_loaded_and_damage_is_named(tmp_path):
    quantizer, path = quantizer_of(3), tmp_path / "codebooks.npz"
    quantizer.save(path)
    assert ResidualQuantizer.load(path).digest == quantizer.digest
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ArtifactError, match=r"codebooks\.npz"):
        ResidualQuantizer.load(path)


@pytest.mark.parametrize(("embeddings", "message"), [
    (np.zeros((2, 3), np.float32), "have 3 dimensions; the codebooks have 4"),
    (np.zeros((2, 4), np.int32), "not float"),
    (np.zeros((0, 4), np.float32), "not float"),
    (np.full((2, 4), np.nan, np.float32), "not finite"),
])
def test_what_cannot_be_encoded_is_refused(embeddings, message):
    with pytest.raises(ValueError, match=message):
        quantizer_of(0).encode(embeddings)


def test_settings_and_codebooks_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="num_levels=0"):
        fit_residual_quantizer(embeddings_of(0), num_levels=0, num_codewords=4, seed=0)
    with pytest.raises(ValueError, match="float64"):
        ResidualQuantizer(np.zeros((1, 2, 3)))
    with pytest.raises(ValueError, match="not finite"):
        ResidualQuantizer(np.full((1, 2, 3), np.inf, np.float32))
