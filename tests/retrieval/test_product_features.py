"""Words of products against plain counting, and embeddings against each text encoded alone."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gram_jax.core.errors import ArtifactError
from gram_jax.models.params import bind
from gram_jax.models.text_embedding import mean_pooled
from gram_jax.retrieval.product_features import ProductFeatures, product_terms, token_weights
from gram_jax.retrieval.text_embeddings import text_embeddings
from tests.retrieval.conftest import MAX_LENGTH, WORDS, WordVocabulary, random_product_features

texts = st.lists(st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join), max_size=12)


@settings(max_examples=40, deadline=None)
@given(texts, st.integers(1, 6))
def test_terms_are_the_rarest_different_tokens_and_idf_is_that_of_bm25(titles, max_terms):
    vocabulary = WordVocabulary()
    idf = token_weights(vocabulary, titles)
    terms = product_terms(vocabulary, titles, idf, max_terms=max_terms)
    rows = [set(row) for row in vocabulary.encode(titles)]
    assert terms.shape == (len(titles), max_terms) and terms.dtype == np.int32
    for token in range(vocabulary.vocab_size):
        frequency = sum(token in row for row in rows)
        expected = math.log(1 + (len(rows) - frequency + 0.5) / (frequency + 0.5))
        assert idf[token] == pytest.approx(expected if frequency else 0, rel=1e-5)
    for row, found in zip(rows, terms):
        expected = sorted(row, key=lambda token: (-idf[token], token))[:max_terms]
        kept = found[found > 0].tolist()
        assert kept == sorted(expected) and (found[len(kept):] == 0).all()


def test_tokens_of_the_prompt_weigh_nothing():
    vocabulary = WordVocabulary()
    texts = ["red shoe", "query: shoe"]
    idf = token_weights(vocabulary, texts)
    terms = product_terms(vocabulary, texts, idf, max_terms=4)
    (prompt,) = vocabulary.encode(["query:"])
    assert idf[prompt[0]] == 0 and prompt[0] not in terms


def test_features_come_back_from_disk_as_they_were(tmp_path):
    features = random_product_features(np.random.default_rng(0), 7)
    features.save(tmp_path / "products.npz")
    found = ProductFeatures.load(tmp_path / "products.npz")
    assert found.digest == features.digest
    np.savez(tmp_path / "products.npz", terms=features.terms)
    with pytest.raises(ArtifactError, match="lacks embeddings"):
        ProductFeatures.load(tmp_path / "products.npz")


def test_arrays_that_do_not_fit_together_are_refused():
    features = random_product_features(np.random.default_rng(0), 7)
    with pytest.raises(ValueError, match="7 products"):
        dataclasses.replace(features, embeddings=features.embeddings[1:])
    with pytest.raises(ValueError, match="token_idf"):
        dataclasses.replace(features, token_idf=features.token_idf.astype(np.float64))


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_an_embedding_is_that_of_its_text_alone(world, batch_size):
    rng = np.random.default_rng(1)
    tokens = rng.integers(2, 60, (10, MAX_LENGTH)).astype(np.int32)
    tokens[np.arange(MAX_LENGTH) >= rng.integers(1, MAX_LENGTH + 1, (10, 1))] = 0
    found = text_embeddings(world.config, world.params, tokens, batch_size=batch_size)
    model = bind(world.config, world.params)
    for row, embedding in zip(tokens, found):
        alone = row[None, :np.count_nonzero(row)]
        expected = mean_pooled(model.encode(alone), alone)[0]
        np.testing.assert_allclose(embedding, expected, rtol=5e-3, atol=5e-3)


def test_an_index_holds_the_words_and_embeddings_of_its_products(world):
    features = world.index.product_features
    idf = token_weights(world.vocabulary, world.texts)
    terms = product_terms(world.vocabulary, world.texts, idf, max_terms=32)
    np.testing.assert_array_equal(features.terms, terms)
    np.testing.assert_array_equal(features.token_idf, idf)
    assert features.embeddings.shape == (len(world.texts), world.config.d_model)


def test_a_killed_run_goes_on_after_the_chunks_that_it_finished(world, tmp_path):
    tokens = np.random.default_rng(2).integers(2, 60, (1030, MAX_LENGTH)).astype(np.int32)
    shown = []

    def killed(chunks, description, total):
        for chunk in chunks:
            if len(shown) == 1:
                raise KeyboardInterrupt
            shown.append(chunk)
            yield chunk

    def embed(folder, **more):
        return text_embeddings(world.config, world.params, tokens, batch_size=256, folder=folder,
                               **more)

    with pytest.raises(KeyboardInterrupt):
        embed(tmp_path, progress=killed)
    (first,) = tmp_path.iterdir()
    before = first.stat().st_mtime_ns
    np.testing.assert_array_equal(embed(tmp_path), embed(None))
    assert first.stat().st_mtime_ns == before and len(list(tmp_path.iterdir())) == 3


def test_new_products_stand_behind_the_others_and_weights_stay():
    rng = np.random.default_rng(0)
    old, new = random_product_features(rng, 7), random_product_features(rng, 2)
    grown = old.extended(new.terms, new.embeddings)
    np.testing.assert_array_equal(grown.terms[7:], new.terms)
    np.testing.assert_array_equal(grown.embeddings[:7], old.embeddings)
    np.testing.assert_array_equal(grown.token_idf, old.token_idf)
