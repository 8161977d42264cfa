"""How well a product's text answers a query's: both are encoded, aligned, compared and weighed.

A word comes as the sum of its character n-grams, so that an unknown or misspelt word is still near
its neighbours in spelling. Both texts go through this project's encoder by themselves; then every
word looks for its counterpart in the other text (decomposable attention: Parikh et al., EMNLP
2016), is compared with what it found, and the comparisons are weighed and summed. Beside that
stand measures of overlap that need no learning. Knows nothing of texts, codes or clicks.

Axes: batch (queries), products of each query, q words of a query, p words of a product.
"""

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx

from gram_jax.models.config import RelevanceConfig
from gram_jax.nn.attention import MASKED
from gram_jax.nn.dense import Dense
from gram_jax.nn.dropout import DropoutStream, dropout
from gram_jax.nn.embeddings import Embedding
from gram_jax.nn.encoder import Encoder
from gram_jax.nn.feature_table import FeatureTable
from gram_jax.nn.parameter import Initial, declare

_FLOAT32 = jnp.dtype("float32")
_WORD_SCALE = 4.0
"""Sums of n-gram rows start with a deviation of 0.1; the encoder's inputs are larger."""
_SHARPNESS = 8.0
_SAME_WORD_BONUS = 4.0
_KERNEL_CENTRES = tuple(centre / 10 for centre in range(-9, 10, 2)) + (1.0,)
_KERNEL_WIDTHS = (0.1,) * 10 + (0.01,)
_NUM_WORD_MARKS = 5
_NUM_OVERLAPS = 9 + 2 * len(_KERNEL_CENTRES)


class ReadTexts(NamedTuple):
    """The words of some texts: `spelled` is what n-grams say, `encoded` what the text adds."""

    numbers: jax.Array  # int32 [..., words], 0 is padding
    spelled: jax.Array  # float32 [..., words, d_model]
    encoded: jax.Array  # float32 [..., words, d_model]
    rarities: jax.Array  # float32 [..., words]

    @property
    def inside(self) -> jax.Array:
        """bool [..., words], False for padding."""
        return self.numbers > 0


class Meeting(NamedTuple):
    """Every word of a query beside every word of a product; all [batch, products, q, p]."""

    inside: jax.Array  # bool, False where either is padding
    spelled: jax.Array  # float32, cosine of the spellings, -1 outside
    encoded: jax.Array  # float32, cosine of the encodings, -1 outside
    same: jax.Array  # bool, one word


class RelevanceNet(nnx.Module):
    """The network; built without values, `models.params.bind` gives it some.

    Args:
      config: its sizes.
    """

    def __init__(self, config: RelevanceConfig):
        self.config = config
        size = config.d_model
        self.ngram_embedder = FeatureTable(config.num_ngrams, size)
        self.side_embedder = Embedding(2, size, dtype=_FLOAT32)
        self.encoder = Encoder(
            config.num_layers, size, config.d_ff, config.num_heads, config.head_dim,
            num_buckets=config.num_relative_buckets, max_distance=config.max_relative_distance,
            dropout_rate=config.dropout_rate, dtype=_FLOAT32)
        self.sharpness = declare((2,), (None,), Initial("ones"))
        self.compare = Dense(3 * size + _NUM_WORD_MARKS, size, axes=("embed", None),
                             dtype=_FLOAT32)
        self.weigh = Dense(size + _NUM_WORD_MARKS, 1, axes=("embed", None), dtype=_FLOAT32)
        self.hidden = Dense(2 * size + _NUM_OVERLAPS, size, axes=("embed", None), dtype=_FLOAT32)
        self.logit = Dense(size, 1, axes=("embed", None), dtype=_FLOAT32)
        self.overlap_logit = Dense(_NUM_OVERLAPS, 1, axes=(None, None), dtype=_FLOAT32,
                                   initial=Initial("normal", 0.01))

    def embed_words(self, ngrams: jax.Array) -> jax.Array:
        """int32 [words, ngrams] -> float32 [words, d_model]: the spelling of words."""
        return self.ngram_embedder(ngrams)

    def __call__(self, words: jax.Array, rarities: jax.Array, queries: jax.Array,
                 products: jax.Array, *, dropout_rng: jax.Array | None = None) -> jax.Array:
        """The logit of relevance.

        Args:
          words: float32 [words, d_model], from `embed_words`.
          rarities: float32 [words], from 0 (every text has the word) to 1 (none does).
          queries: int32 [batch, q], numbers of words, 0 is padding.
          products: int32 [batch, products, p], likewise.
          dropout_rng: a key, or None for no dropout.

        Returns:
          float32 [batch, products].
        """
        stream = None
        if dropout_rng is not None:
            word_rng, rng = jax.random.split(dropout_rng)
            stream = DropoutStream(rng)
            kept = jax.random.bernoulli(word_rng, 1.0 - self.config.word_dropout_rate,
                                        (words.shape[0], 1))
            words = words * kept
        batch, num_products, length = products.shape
        query = self.read("query", words, rarities, queries, stream=stream)
        product = self.read("product", words, rarities, products.reshape(-1, length),
                            stream=stream)
        query = ReadTexts(*(
            jnp.broadcast_to(array[:, None], (batch, num_products, *array.shape[1:]))
            for array in query))
        product = ReadTexts(*(array.reshape(batch, num_products, *array.shape[1:])
                              for array in product))
        return self.judge(query, product, stream=stream)

    def read(self, side: Literal["query", "product"], words: jax.Array, rarities: jax.Array,
             numbers: jax.Array, *, stream: DropoutStream | None = None) -> ReadTexts:
        """What either side's texts say by themselves; it can be kept for many pairs.

        Args:
          side: whose texts they are.
          words: float32 [words, d_model].
          rarities: float32 [words].
          numbers: int32 [texts, length] of words, 0 is padding.
          stream: random bytes, or None for no dropout.

        Returns:
          Arrays that lead with [texts, length].
        """
        inside = numbers > 0
        spelled = jnp.take(words, numbers, axis=0) * inside[..., None]
        mark = self.side_embedder(jnp.array(0 if side == "query" else 1))
        encoded = self.encoder(spelled * _WORD_SCALE + mark, numbers, stream=stream)
        return ReadTexts(numbers, spelled, encoded, jnp.take(rarities, numbers) * inside)

    def judge(self, query: ReadTexts, product: ReadTexts, *,
              stream: DropoutStream | None = None) -> jax.Array:
        """The logit of each pair.

        Args:
          query: arrays that lead with [batch, products, q].
          product: arrays that lead with [batch, products, p].
          stream: random bytes, or None for no dropout.

        Returns:
          float32 [batch, products].
        """
        meeting = _meet(query, product)
        query_marks, product_marks = (_word_marks(own, meeting, axis=axis)
                                      for own, axis in ((query, -1), (product, -2)))
        overlaps = _overlaps(query, product, query_marks, product_marks, meeting)
        features = jnp.concatenate([
            self._compared(query, product, query_marks, meeting, axis=-1),
            self._compared(product, query, product_marks, meeting, axis=-2), overlaps], axis=-1)
        hidden = jax.nn.gelu(self.hidden(features))
        hidden = dropout(hidden, self.config.dropout_rate, stream)
        return (self.logit(hidden) + self.overlap_logit(overlaps))[..., 0]

    def _compared(self, own: ReadTexts, other: ReadTexts, marks: jax.Array, meeting: Meeting, *,
                  axis: int) -> jax.Array:
        """[batch, products, d_model]: each own word beside its counterpart, weighed and summed."""
        near = self.sharpness[0] * meeting.spelled + self.sharpness[1] * meeting.encoded
        near = _SHARPNESS * near + _SAME_WORD_BONUS * meeting.same
        attention = jax.nn.softmax(jnp.where(meeting.inside, near, MASKED), axis=axis)
        pattern = "bnqp,bnpd->bnqd" if axis == -1 else "bnqp,bnqd->bnpd"
        found = jnp.einsum(pattern, attention, other.encoded)
        compared = jax.nn.gelu(self.compare(jnp.concatenate(
            [own.encoded, found, own.encoded * found, marks], axis=-1)))
        weights = self.weigh(jnp.concatenate([own.encoded, marks], axis=-1))[..., 0]
        weights = jax.nn.softmax(jnp.where(own.inside, weights, MASKED), axis=-1)
        return jnp.einsum("bnw,bnwd->bnd", weights, compared)


def _meet(query: ReadTexts, product: ReadTexts) -> Meeting:
    inside = query.inside[..., :, None] & product.inside[..., None, :]

    def cosine(one: jax.Array, other: jax.Array) -> jax.Array:
        product_of_units = jnp.einsum("bnqd,bnpd->bnqp", _unit(one), _unit(other))
        return jnp.where(inside, product_of_units, -1.0)

    same = (query.numbers[..., :, None] == product.numbers[..., None, :]) & inside
    return Meeting(inside, cosine(query.spelled, product.spelled),
                   cosine(query.encoded, product.encoded), same)


def _unit(vectors: jax.Array) -> jax.Array:
    return vectors * jax.lax.rsqrt(jnp.sum(jnp.square(vectors), axis=-1, keepdims=True) + 1e-6)


def _word_marks(own: ReadTexts, meeting: Meeting, *, axis: int) -> jax.Array:
    """[..., words, marks]: nearest spelling and encoding in the other text, same word, rarity."""
    marks = jnp.stack([
        jnp.max(meeting.spelled, axis=axis), jnp.max(meeting.encoded, axis=axis),
        jnp.any(meeting.same, axis=axis).astype(own.rarities.dtype), own.rarities,
        jnp.ones_like(own.rarities)], axis=-1)
    return marks * own.inside[..., None]


def _overlaps(query: ReadTexts, product: ReadTexts, query_marks: jax.Array,
              product_marks: jax.Array, meeting: Meeting) -> jax.Array:
    """[batch, products, overlaps]: what of each text the other has, counted and by rarity.

    With them the kernels of Xiong et al. (SIGIR 2017): how many words of the product are how near
    to each word of the query.
    """
    def mean(values: jax.Array, weights: jax.Array) -> jax.Array:
        return jnp.sum(values * weights, axis=-1) / jnp.maximum(jnp.sum(weights, axis=-1), 1e-3)

    query_size, product_size = (jnp.sum(text.inside, axis=-1).astype(_FLOAT32)
                                for text in (query, product))
    spelled, same = query_marks[..., 0], query_marks[..., 2]
    is_last = jnp.arange(query.numbers.shape[-1]) == query_size[..., None] - 1
    parts = [
        mean(same, query.inside), mean(same, query.rarities), mean(spelled, query.rarities),
        mean(product_marks[..., 2], product.inside), mean(product_marks[..., 2], product.rarities),
        jnp.sum(same * is_last, axis=-1), query_size / 8, product_size / 20,
        jnp.ones_like(query_size)]
    for cosines in (meeting.spelled, meeting.encoded):
        for centre, width in zip(_KERNEL_CENTRES, _KERNEL_WIDTHS):
            near = jnp.exp(-jnp.square(cosines - centre) / (2 * width**2))
            counted = jnp.log1p(jnp.sum(jnp.where(meeting.inside, near, 0.0), axis=-1))
            parts.append(mean(counted, query.rarities))
    return jnp.stack(parts, axis=-1)
