"""A dual encoder that may look at a dozen pairs as often as it likes learns them by heart."""

import dataclasses
import functools

import jax
import numpy as np
import pytest

from gram_jax.baselines.bm25 import BM25Retriever
from gram_jax.baselines.dense_retriever import DenseRetriever
from gram_jax.baselines.dual_encoder import DualEncoder, pretrained_dual_encoder
from gram_jax.baselines.dual_encoder_batches import ContrastiveBatches
from gram_jax.baselines.dual_encoder_training import train_dual_encoder
from gram_jax.baselines.hard_negatives import hard_negative_draws, mine_hard_negatives
from gram_jax.baselines.training import BaselineTraining
from gram_jax.core.errors import ArtifactError
from gram_jax.partitioning.mesh import make_mesh
from gram_jax.testing.tiny_model import tiny_config, tiny_params

pytest.importorskip("orbax.checkpoint", reason="needs the extra 'train'")

from gram_jax.training.optimizers import adamw
from gram_jax.training.schedules import warmup_constant


def batches_for(encoder, learnable, *, batch_size=8):
    mined = mine_hard_negatives(BM25Retriever(learnable.shop.products), learnable.queries,
                                learnable.shop.product_ids, learnable.clicked, depth=6)
    return ContrastiveBatches(
        learnable.clicks, learnable.clicked,
        hard_negative_draws(mined, learnable.clicked, learnable.shop.product_ids),
        encoder.texts.query_tokens(encoder.vocabulary, learnable.query_texts),
        encoder.texts.product_tokens(encoder.vocabulary, learnable.product_texts),
        batch_size=batch_size, seed=0)


def training(num_steps, *, peak=0.01, **rates):
    return BaselineTraining(
        optimizer=adamw(warmup_constant(peak=peak), rate_multipliers={"decoder": 0.0, **rates}),
        num_steps=num_steps, seed=0, checkpoint_every=1000, log_every=10)


def one_device():
    return make_mesh(data=1, devices=jax.devices()[:1])


def share_of_clicked_on_top(encoder, learnable):
    """Of the train queries, those whose first products are all that were clicked for them."""
    retriever = DenseRetriever.build(encoder, learnable.shop.product_ids, learnable.product_texts)
    right = 0
    for row, ranked in enumerate(retriever.retrieve(learnable.queries, k=12)):
        products, _ = learnable.clicks.of_row(row)
        right += {learnable.shop.product_ids[product] for product in products} == set(
            ranked.product_ids[:len(products)])
    return right / len(learnable.queries)


def test_it_learns_the_tiny_shop_by_heart(learnable, tmp_path):
    config = tiny_config(learnable.vocabulary.vocab_size)
    encoder = DualEncoder(config=config, params=tiny_params(config),
                          vocabulary=learnable.vocabulary, batch_size=12)
    trained = train_dual_encoder(encoder, batches_for(encoder, learnable), training(120),
                                 mesh=one_device(), folder=tmp_path)
    before, after = (share_of_clicked_on_top(one, learnable) for one in (encoder, trained))
    assert before < 0.5 and after == 1.0
    jax.tree.map(np.testing.assert_array_equal, trained.params["decoder"],
                 encoder.params["decoder"])
    again = train_dual_encoder(encoder, batches_for(encoder, learnable), training(120),
                               mesh=one_device(), folder=tmp_path)
    jax.tree.map(np.testing.assert_array_equal, again.params, trained.params)
    with pytest.raises(ArtifactError):
        train_dual_encoder(dataclasses.replace(encoder, similarity="dot"),
                           batches_for(encoder, learnable), training(121), mesh=one_device(),
                           folder=tmp_path)


def test_a_pretrained_encoder_is_trained_on(learnable, tmp_path):
    pytest.importorskip("tokenizers", reason="needs the extra 'pretrained'")
    pytest.importorskip("safetensors", reason="needs the extra 'pretrained'")
    from gram_jax.interop.bert import bert_encoder, bert_vocabulary
    from gram_jax.testing.tiny_bert import tiny_bert_config, write_tiny_bert

    write_tiny_bert(tmp_path / "bert")
    encoder = pretrained_dual_encoder(
        tiny_bert_config, functools.partial(bert_vocabulary, folder=str(tmp_path / "bert")),
        functools.partial(bert_encoder, folder=str(tmp_path / "bert")))
    trained = train_dual_encoder(encoder, batches_for(encoder, learnable),
                                 training(3, token_embedder=0.0), mesh=one_device(),
                                 folder=tmp_path / "run")
    same = jax.tree.map(lambda one, other: np.array_equal(one, other), trained.params,
                        encoder.params)
    assert all(jax.tree.leaves(same["token_embedder"])) and all(jax.tree.leaves(same["decoder"]))
    assert not any(jax.tree.leaves(same["encoder"]["layers_0"]))
