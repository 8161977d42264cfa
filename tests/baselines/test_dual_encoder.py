"""Vectors are means of the encoder's outputs, alone or in company, before and after a file."""

import dataclasses
import functools

import jax
import numpy as np
import pytest

from gram_jax.baselines.dual_encoder import (
    DualEncoder,
    DualEncoderTexts,
    pretrained_dual_encoder,
)
from gram_jax.core.errors import ArtifactError, ConfigError
from gram_jax.models.params import bind
from gram_jax.testing.tiny_model import tiny_config, tiny_params

TEXTS = ["Red  shoe", "kitchen sink, white", "", "nike"]


@pytest.fixture(scope="module")
def encoder(learnable):
    config = tiny_config(learnable.vocabulary.vocab_size)
    return DualEncoder(config=config, params=tiny_params(config), vocabulary=learnable.vocabulary,
                       batch_size=4)


def mean_of_outputs(encoder, text):
    """The encoder's outputs for one text, without padding, meaned in float64."""
    (ids,) = encoder.vocabulary.encode([text])
    row = np.array([[*encoder.vocabulary.start_ids, *ids, encoder.vocabulary.eos_id]])
    return np.asarray(encode(encoder.config, encoder.params, row), np.float64)[0].mean(axis=0)


@functools.partial(jax.jit, static_argnames="config")
def encode(config, params, row):
    return bind(config, params).encode(row)


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
def test_a_vector_is_the_mean_output_for_the_prompted_text(encoder, unit_rows, similarity):
    encoder = dataclasses.replace(encoder, similarity=similarity)
    for embed, prefix in ((encoder.embed_queries, "query: "),
                          (encoder.embed_products, "product: ")):
        expected = np.stack([mean_of_outputs(encoder, prefix + text)
                             for text in ("red shoe", "kitchen sink, white", "", "nike")])
        if similarity == "cosine":
            expected = unit_rows(expected)
        found = embed(TEXTS)
        np.testing.assert_allclose(found, expected, atol=3e-3, rtol=3e-3)
        np.testing.assert_array_equal(found[::-1], embed(TEXTS[::-1]), "company says nothing")


def test_long_texts_are_cut(encoder):
    short = dataclasses.replace(encoder, texts=DualEncoderTexts(max_query_length=5))
    tokens = short.texts.query_tokens(short.vocabulary, ["red shoe " * 9])
    assert tokens.shape == (1, 5) and tokens[0, -1] == short.vocabulary.eos_id
    np.testing.assert_array_equal(short.embed_queries(["red shoe " * 9]),
                                  short.embed_queries(["red shoe " * 8]))
    with pytest.raises(ConfigError, match="3 or more"):
        DualEncoderTexts(max_product_length=2)


def test_a_loaded_encoder_is_the_saved_one(encoder, tmp_path):
    encoder = dataclasses.replace(encoder, similarity="dot", batch_size=3,
                                  texts=DualEncoderTexts(query_prefix="q ", max_query_length=9))
    encoder.save(tmp_path / "encoder")
    loaded = DualEncoder.load(tmp_path / "encoder")
    assert (loaded.config, loaded.texts, loaded.similarity, loaded.batch_size) == (
        encoder.config, encoder.texts, "dot", 3)
    np.testing.assert_array_equal(loaded.embed_queries(TEXTS), encoder.embed_queries(TEXTS))
    (tmp_path / "encoder" / "model.json").write_text("{}")
    with pytest.raises(ArtifactError, match="train the model again"):
        DualEncoder.load(tmp_path / "encoder")


def test_a_pretrained_encoder_reads_texts_without_prompts(tmp_path, unit_rows):
    pytest.importorskip("tokenizers", reason="needs the extra 'pretrained'")
    pytest.importorskip("safetensors", reason="needs the extra 'pretrained'")
    from gram_jax.interop.bert import bert_encoder, bert_vocabulary
    from gram_jax.testing.tiny_bert import tiny_bert_config, write_tiny_bert

    write_tiny_bert(tmp_path / "bert")
    encoder = pretrained_dual_encoder(
        tiny_bert_config, functools.partial(bert_vocabulary, folder=str(tmp_path / "bert")),
        functools.partial(bert_encoder, folder=str(tmp_path / "bert")), batch_size=2)
    expected = unit_rows(np.stack([mean_of_outputs(encoder, text)
                                   for text in ("red shoe", "stainless sink")]))
    for embed in (encoder.embed_queries, encoder.embed_products):
        np.testing.assert_allclose(embed(["Red shoe", "stainless sink"]), expected, atol=3e-3)
    encoder.save(tmp_path / "saved")
    np.testing.assert_array_equal(DualEncoder.load(tmp_path / "saved").embed_queries(["red shoe"]),
                                  encoder.embed_queries(["red shoe"]))
