"""Scores of text pairs do not depend on the company they come in, nor on saving and loading."""

import numpy as np
import pytest

from gram_jax.alignment import text_relevance
from gram_jax.alignment.text_relevance import TextRelevance
from gram_jax.alignment.word_book import WordBook
from gram_jax.core.errors import ArtifactError
from gram_jax.models.config import RelevanceConfig
from gram_jax.models.params import init_params

CONFIG = RelevanceConfig(num_ngrams=256, d_model=16, d_ff=16, num_heads=2, head_dim=8)
PAIRS = [("red shoe", "Nike red running shoe"), ("sink", "Nike red running shoe"),
         ("", "steel sink"), ("red shoe", ""), ("日本 靴", "赤い靴"), ("red shoe", "steel sink")]


@pytest.fixture
def relevance() -> TextRelevance:
    return TextRelevance(CONFIG, init_params(CONFIG, 0), WordBook.count(
        [title for _, title in PAIRS], CONFIG.num_ngrams), cut=0.25)


def test_scores_are_probabilities_one_for_each_pair(relevance):
    scores = relevance.score(PAIRS)
    assert scores.dtype == np.float32 and scores.shape == (len(PAIRS),)
    assert ((scores > 0) & (scores < 1)).all() and len(np.unique(scores)) > 3
    assert relevance.score([]).shape == (0,)


def test_a_pair_is_scored_as_it_is_alone(relevance):
    together = relevance.score(PAIRS)
    alone = [relevance.score([pair])[0] for pair in PAIRS]
    np.testing.assert_allclose(together, alone, atol=1e-6)
    np.testing.assert_allclose(relevance.score(PAIRS[::-1]), together[::-1], atol=1e-6)


@pytest.mark.parametrize("size", ["_PAIRS_TOGETHER", "_PAIRS_AT_ONCE", "_TEXTS_AT_ONCE",
                                  "_WORDS_AT_ONCE"])
def test_the_sizes_of_blocks_change_nothing(relevance, monkeypatch, size):
    whole = relevance.score(PAIRS)
    monkeypatch.setattr(text_relevance, size, 4)
    np.testing.assert_allclose(relevance.score(PAIRS), whole, atol=1e-6)


def test_it_is_the_same_after_loading(relevance, tmp_path):
    relevance.save(tmp_path)
    loaded = TextRelevance.load(tmp_path)
    np.testing.assert_allclose(loaded.score(PAIRS), relevance.score(PAIRS), atol=1e-6)
    assert loaded.cut == 0.25 and loaded.config == CONFIG


def test_a_missing_or_damaged_file_says_what_to_do(relevance, tmp_path):
    with pytest.raises(ArtifactError, match="run the relevance stage again"):
        TextRelevance.load(tmp_path)
    relevance.save(tmp_path)
    (tmp_path / "relevance.json").write_text('{"config": {"d_model": 0}, "cut": 1}')
    with pytest.raises(ArtifactError, match="run the relevance stage again"):
        TextRelevance.load(tmp_path)
