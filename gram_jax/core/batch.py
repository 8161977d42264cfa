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
    """A batch of source texts, each with a code that it teaches, or with several.

    With several, the decoder's arrays are [batch, codes, decoder_length]; a code of zeros is none.
    `example_ids`, one for each code, stays on the host: crossing into a traced function drops it.
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


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=["query_tokens", "product_tokens", "winner_tokens", "positive_tokens",
                 "loser_tokens", "reference_log_probs", "weights", "query_code_tokens",
                 "product_code_tokens"],
    meta_fields=[],
    drop_fields=["example_ids"],
)
@dataclasses.dataclass(frozen=True)
class PreferenceBatch:
    """A batch of winners: for a clicked pair, a code that should be above some losers.

    Codes end in EOS and are padded with 0; a code of zeros is none. `sides` are the query's and
    the product's, in this order. `codes` of the reference are the winner, the positives and the
    losers, in this order. `example_ids` stays on the host: crossing into a traced function drops
    it.
    """

    query_tokens: Array  # int32 [pairs, query_length], with prompt and EOS
    product_tokens: Array  # int32 [pairs, product_length], with prompt and EOS
    winner_tokens: Array  # int32 [pairs, code_length]
    positive_tokens: Array  # int32 [pairs, positives, code_length], other right codes of the pair
    loser_tokens: Array  # int32 [pairs, losers, code_length]
    reference_log_probs: Array  # float32 [pairs, sides, codes, code_length], by token
    weights: Array  # float32 [pairs, losers], of each preference; 0 where there is no loser
    query_code_tokens: Array  # int32 [pairs, taught, code_length], mined codes of the query
    product_code_tokens: Array  # int32 [pairs, taught, code_length], mined codes of the product
    example_ids: tuple[str, ...] = ()


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=["query_tokens", "product_tokens", "clicked"],
    meta_fields=[],
    drop_fields=["example_ids"],
)
@dataclasses.dataclass(frozen=True)
class ContrastiveBatch:
    """A batch of clicks: queries, each with the product chosen and hard negatives.

    Every product of the batch is a candidate of every query: those of query i are numbered
    i * products and after, its own clicked one first. `example_ids` stays on the host: crossing
    into a traced function drops it.
    """

    query_tokens: Array  # int32 [batch, query_length], as the encoder reads them
    product_tokens: Array  # int32 [batch, products, product_length], likewise
    clicked: Array  # bool [batch, batch * products], for the query, wherever in the log
    example_ids: tuple[str, ...] = ()
