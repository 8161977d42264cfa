"""The arrays one training step sees, with SeqIO's names and types that are checked."""

import dataclasses
import functools

import jax
import numpy as np

Array = jax.Array | np.ndarray


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=["encoder_input_tokens", "decoder_input_tokens", "decoder_target_tokens",
                 "decoder_loss_weights"],
    meta_fields=[],
    drop_fields=["example_ids"],
)
@dataclasses.dataclass(frozen=True)
class Batch:
    """A batch of (source text, code) examples.

    `example_ids` stays on the host: crossing into a traced function drops it.
    """

    encoder_input_tokens: Array  # int32 [batch, encoder_length], 0 is padding
    decoder_input_tokens: Array  # int32 [batch, decoder_length], targets shifted right
    decoder_target_tokens: Array  # int32 [batch, decoder_length], ends in EOS, 0 is padding
    decoder_loss_weights: Array  # float32 [batch, decoder_length], 0 where padded
    example_ids: tuple[str, ...] = ()


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=["queries", "products", "labels", "weights", "word_ngrams", "word_rarities"],
    meta_fields=[],
    drop_fields=["example_ids"],
)
@dataclasses.dataclass(frozen=True)
class RelevanceBatch:
    """A batch of queries, each with some products, in words that are numbered within the batch.

    `example_ids` stays on the host: crossing into a traced function drops it.
    """

    queries: Array  # int32 [batch, query_length], rows of the words below, 0 is padding
    products: Array  # int32 [batch, products, product_length], likewise
    labels: Array  # float32 [batch, products], 1 where the product is relevant
    weights: Array  # float32 [batch, products], of the pair in the loss
    word_ngrams: Array  # int32 [words, ngrams], 0 where there is none; word 0 is padding
    word_rarities: Array  # float32 [words], from 0 to 1
    example_ids: tuple[str, ...] = ()


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=["ngrams", "marks", "tags", "lengths", "outside_weights", "weights"],
    meta_fields=[],
    drop_fields=["example_ids"],
)
@dataclasses.dataclass(frozen=True)
class TaggingBatch:
    """A batch of texts in words, with a tag for every word.

    `example_ids` stays on the host: crossing into a traced function drops it.
    """

    ngrams: Array  # int32 [batch, length, ngrams], 0 where there is none
    marks: Array  # int32 [batch, length, marks], 0 where there is none
    tags: Array  # int32 [batch, length], 0 is O and padding
    lengths: Array  # int32 [batch], words
    outside_weights: Array  # float32 [batch], how far O is believed, 0 to 1
    weights: Array  # float32 [batch], of the text in the loss
    example_ids: tuple[str, ...] = ()
