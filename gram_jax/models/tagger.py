"""The tagger: features of words in, scores of tags out. Knows nothing of texts or types.

A word comes as the numbers of its character n-grams, which are summed, so that an unknown or
misspelt word still reads like its neighbours in spelling, and as marks: its shape, and what is
known of it. Around it stands this project's encoder, under T5X's names.
"""

import jax
import jax.numpy as jnp
from flax import nnx

from gram_jax.models.config import TaggerConfig
from gram_jax.nn.dense import Dense
from gram_jax.nn.dropout import DropoutStream, dropout
from gram_jax.nn.encoder import Encoder
from gram_jax.nn.feature_table import FeatureTable
from gram_jax.nn.parameter import Initial, declare

_FLOAT32 = jnp.dtype("float32")


class Tagger(nnx.Module):
    """Feature tables, an encoder, emissions and transitions.

    Built without values; `models.params.bind` gives it some.

    Args:
      config: its sizes.
    """

    def __init__(self, config: TaggerConfig):
        self.config = config
        self.ngram_embedder = FeatureTable(config.num_ngrams, config.ngram_size)
        self.mark_embedder = FeatureTable(config.num_marks, config.ngram_size)
        # A word is read with the words beside it: most values are told by where they stand.
        self.window = Dense(3 * 2 * config.ngram_size, config.d_model, axes=(None, "embed"),
                            dtype=_FLOAT32)
        self.encoder = Encoder(
            config.num_layers, config.d_model, config.d_ff, config.num_heads, config.head_dim,
            num_buckets=config.num_relative_buckets, max_distance=config.max_relative_distance,
            dropout_rate=config.dropout_rate, dtype=_FLOAT32)
        self.emissions = Dense(config.d_model, config.num_tags, axes=("embed", None),
                               dtype=_FLOAT32)
        self.transitions = declare((config.num_tags + 1, config.num_tags), (None, None),
                                   Initial("normal", 0.01))

    def __call__(
        self,
        ngrams: jax.Array,
        marks: jax.Array,
        lengths: jax.Array,
        *,
        dropout_rng: jax.Array | None = None,
    ) -> jax.Array:
        """Scores of tags.

        Args:
          ngrams: int32 [batch, length, ngrams], rows of the table, 0 where there is none.
          marks: int32 [batch, length, marks], the same.
          lengths: int32 [batch], words of each text.
          dropout_rng: a key, or None for no dropout.

        Returns:
          float32 [batch, length, num_tags] emissions.
        """
        stream = None
        words = self.ngram_embedder(ngrams)
        if dropout_rng is not None:
            word_rng, rng = jax.random.split(dropout_rng)
            stream = DropoutStream(rng)
            kept = jax.random.bernoulli(
                word_rng, 1.0 - self.config.word_dropout_rate, words.shape[:2])
            words = words * kept[..., None]
        inside = jnp.arange(ngrams.shape[1]) < lengths[:, None]
        words = jnp.concatenate([words, self.mark_embedder(marks)], axis=-1) * inside[..., None]
        words = dropout(words, self.config.dropout_rate, stream)
        hidden = self.window(_with_neighbours(words))
        encoded = self.encoder(hidden, inside.astype(jnp.int32), stream=stream)
        return self.emissions(encoded)


def _with_neighbours(words: jax.Array) -> jax.Array:
    """[batch, length, size] -> [batch, length, 3 * size]: the word before, itself, the next."""
    empty = jnp.zeros_like(words[:, :1])
    before = jnp.concatenate([empty, words[:, :-1]], axis=1)
    after = jnp.concatenate([words[:, 1:], empty], axis=1)
    return jnp.concatenate([before, words, after], axis=-1)
