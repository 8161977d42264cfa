"""Word overlap is the share of the query's words that the product has."""

import numpy as np

from gram_jax.baselines.word_overlap import WordOverlap


def test_words_count_once_however_they_are_spelled():
    pairs = [("red shoes", "Nike red running shoe"), ("red red sink", "red bowl"),
             ('10" bowl', "bowl, 10 inches"), ("", "bowl"), ("bowl", "")]
    np.testing.assert_allclose(WordOverlap().score(pairs), [1, 0.5, 1, 0, 0])
    assert WordOverlap().score([]).shape == (0,)
