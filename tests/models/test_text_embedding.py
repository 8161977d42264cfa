import numpy as np

from gram_jax.models.text_embedding import mean_pooled


def test_the_mean_is_over_tokens_alone():
    rng = np.random.default_rng(0)
    encoded = rng.normal(0, 1, (3, 5, 4)).astype(np.float32)
    tokens = np.array([[7, 8, 1, 0, 0], [3, 1, 0, 0, 0], [0, 0, 0, 0, 0]], np.int32)
    found = mean_pooled(encoded, tokens)
    np.testing.assert_allclose(found[0], encoded[0, :3].mean(0), rtol=1e-5)
    np.testing.assert_allclose(found[1], encoded[1, :2].mean(0), rtol=1e-5)
    assert (found[2] == 0).all()


def test_what_stands_at_padding_changes_nothing():
    tokens = np.array([[7, 1, 0]], np.int32)
    encoded = np.ones((1, 3, 2), np.float32)
    disturbed = encoded.copy()
    disturbed[0, 2] = np.nan
    np.testing.assert_array_equal(mean_pooled(encoded, tokens), mean_pooled(disturbed, tokens))
