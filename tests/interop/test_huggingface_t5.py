"""A published T5 lands whole in the model, or what does not fit is named before anything runs."""

import json
import shutil

import numpy as np
import pytest

safetensors = pytest.importorskip("safetensors.numpy", reason="needs the extra 'pretrained'")

from gram_jax.core.errors import ArtifactError, ConfigError  # noqa: E402
from gram_jax.interop.huggingface_config import config_json  # noqa: E402
from gram_jax.interop.huggingface_t5 import (  # noqa: E402
    huggingface_t5,
    huggingface_t5_config,
    huggingface_vocabulary,
    read_huggingface_t5,
    write_huggingface_t5,
)
from gram_jax.models.params import (  # noqa: E402
    init_params,
    named_params,
    nested_params,
    replace_params,
)
from gram_jax.testing.tiny_bert import tiny_bert_config  # noqa: E402
from gram_jax.testing.tiny_model import tiny_config, tiny_params  # noqa: E402
from gram_jax.testing.tiny_t5 import SPARE_ROWS, write_tiny_t5  # noqa: E402
from gram_jax.text.vocabulary import SentencePieceVocabulary, train_vocabulary  # noqa: E402

FORMS = {
    "t5": {"feed_forward": "relu", "tie_embeddings": True},
    "t5_1_1": {"num_decoder_layers": 2},
    "tied, not scaled": {"tie_embeddings": True, "scale_logits": False},
    "untied, scaled": {"scale_logits": True},
    "umt5": {"per_layer_relative_bias": True, "num_encoder_layers": 2},
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published") / "model"
    config = write_tiny_t5(folder, num_decoder_layers=2)
    return folder, config, SentencePieceVocabulary.load(folder / "spiece.model")


@pytest.fixture
def copied(written, tmp_path):
    """A folder of the same content that a test may change."""
    return shutil.copytree(written[0], tmp_path / "copied")


def change_json(folder, **fields):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


@pytest.mark.parametrize("form", FORMS)
def test_what_is_written_is_what_is_read(form, tmp_path):
    config = tiny_config(**FORMS[form])
    params = init_params(config, 1)
    write_huggingface_t5(tmp_path / "model", params, config)
    found = read_huggingface_t5(str(tmp_path / "model"))
    assert found.config == config
    expected = dict(named_params(params))
    assert found.arrays.keys() == expected.keys()
    for path, array in found.arrays.items():
        np.testing.assert_array_equal(array, expected[path])


@pytest.mark.parametrize("rows", ["all", "of the vocabulary"])
def test_a_model_starts_from_all_of_the_published_parameters(written, rows):
    folder, published, vocabulary = written
    size = published.vocab_size if rows == "all" else vocabulary.vocab_size
    config = tiny_config(size, num_decoder_layers=2, dropout_rate=0.3)
    found = huggingface_t5(config, vocabulary, source=str(folder))
    params = dict(named_params(replace_params(tiny_params(config, seed=9), found)))
    whole = read_huggingface_t5(str(folder)).arrays
    assert published.vocab_size == vocabulary.vocab_size + SPARE_ROWS
    assert params.keys() == whole.keys()
    for path, array in params.items():
        expected = whole[path]
        if path == "token_embedder/embedding":
            expected = expected[:size]
        elif path == "decoder/logits_dense/kernel":
            expected = expected[:, :size]
        np.testing.assert_array_equal(array, expected)


def test_the_published_sizes_are_a_config_with_every_row(written):
    folder, published, vocabulary = written
    config = huggingface_t5_config(source=str(folder), vocab_size=vocabulary.vocab_size,
                                   output_vocab_size=vocabulary.vocab_size, dropout_rate=0.05)
    assert config.vocab_size == published.vocab_size and config.dropout_rate == 0.05
    assert huggingface_vocabulary(source=str(folder)) == str(folder / "spiece.model")
    with pytest.raises(ConfigError, match="was trained with"):
        huggingface_t5_config(source=str(folder), vocab_size=published.vocab_size + 1)
    with pytest.raises(ConfigError, match="logits for all tokens"):
        huggingface_t5_config(source=str(folder), vocab_size=300, output_vocab_size=200)


@pytest.mark.parametrize(("changes", "message"), [
    ({"d_ff": 48, "num_heads": 4}, "d_ff is 32 there and 48 here; num_heads is 2 there and 4 here"),
    ({"feed_forward": "relu"}, "feed_forward is 'gated-gelu' there and 'relu' here"),
    ({"tie_embeddings": True}, "tie_embeddings is False there and True here"),
    ({"scale_logits": True}, "scales_logits is False there and True here"),
    ({"per_layer_relative_bias": True}, "per_layer_relative_bias is False there"),
    ({"num_decoder_layers": 1}, "num_decoder_layers is 2 there and 1 here"),
])
def test_another_model_is_refused_by_its_sizes(written, changes, message):
    folder, published, vocabulary = written
    config = tiny_config(published.vocab_size, **({"num_decoder_layers": 2} | changes))
    with pytest.raises(ConfigError, match=message):
        huggingface_t5(config, vocabulary, source=str(folder))


def test_a_model_with_berts_encoder_or_other_rows_is_refused(written):
    folder, _, vocabulary = written
    with pytest.raises(ConfigError, match=r"ModelConfig\.encoder is BERT's"):
        huggingface_t5(tiny_bert_config(), vocabulary, source=str(folder))
    with pytest.raises(ConfigError, match=r"ModelConfig\.vocab_size is 77"):
        huggingface_t5(tiny_config(77, num_decoder_layers=2), vocabulary, source=str(folder))
    with pytest.raises(ConfigError, match="no form there"):
        write_huggingface_t5(folder / "x", tiny_params(), tiny_bert_config())


@pytest.mark.parametrize("tokenizer_alone", [False, True])
def test_another_vocabulary_is_refused_by_its_first_other_token(written, copied, tmp_path,
                                                                tokenizer_alone):
    _, published, vocabulary = written
    if tokenizer_alone:
        (copied / "spiece.model").unlink()
        (copied / "tokenizer.json").write_text(json.dumps({"model": {
            "type": "Unigram", "vocab": [[piece, 0.0] for piece in vocabulary.pieces]}}))
    config = tiny_config(published.vocab_size, num_decoder_layers=2)
    assert huggingface_t5(config, vocabulary, source=str(copied))
    train_vocabulary(["garden hose green", "hammer drill"], vocab_size=310,
                     path=tmp_path / "other.model")
    other = SentencePieceVocabulary.load(tmp_path / "other.model")
    with pytest.raises(ConfigError, match=r"token \d+ is '.*' here and '.*' there"):
        huggingface_t5(config, other, source=str(copied))


@pytest.mark.parametrize(("fields", "message"), [
    ({"model_type": "bart"}, "type 'bart'"),
    ({"layer_norm_epsilon": 1e-5}, "layer_norm_epsilon is 1e-05"),
    ({"feed_forward_proj": "gated-silu"}, "feed_forward must be one of"),
    ({"num_heads": None}, "does not say num_heads"),
    ({"vocab_size": 5}, "vocab_size is 5, but the weights"),
])
def test_a_config_that_ours_cannot_compute_is_refused(copied, fields, message):
    change_json(copied, **fields)
    with pytest.raises(ConfigError, match=message):
        read_huggingface_t5(str(copied))


@pytest.mark.parametrize(("fields", "tied", "scaled"), [
    ({"model_type": "t5", "tie_word_embeddings": True}, True, True),
    ({"model_type": "t5"}, True, True),
    ({"model_type": "t5", "tie_word_embeddings": False}, False, False),
    ({"model_type": "t5", "tie_word_embeddings": True, "scale_decoder_outputs": False}, False,
     False),
    ({"model_type": "mt5", "tie_word_embeddings": False}, False, False),
    ({"model_type": "mt5", "tie_word_embeddings": True}, False, False),
    ({"model_type": "umt5", "tie_word_embeddings": False}, False, False),
])
def test_logits_are_scaled_as_the_published_files_mean(tmp_path, fields, tied, scaled):
    config = tiny_config(tie_embeddings=tied, scale_logits=scaled,
                         per_layer_relative_bias=fields["model_type"] == "umt5")
    write_huggingface_t5(tmp_path / "model", tiny_params(config), config)
    path = tmp_path / "model" / "config.json"
    said = json.loads(path.read_text())
    del said["tie_word_embeddings"]
    path.write_text(json.dumps(said | fields))
    found = read_huggingface_t5(str(tmp_path / "model")).config
    assert (found.tie_embeddings, found.scales_logits) == (tied, scaled)


def test_fields_that_old_files_leave_out_mean_what_t5_had(tmp_path):
    config = tiny_config(tie_embeddings=True, feed_forward="relu")
    fields = config_json(config)
    for name in ("feed_forward_proj", "num_decoder_layers", "relative_attention_max_distance",
                 "relative_attention_num_buckets", "tie_word_embeddings", "layer_norm_epsilon"):
        del fields[name]
    write_huggingface_t5(tmp_path / "model", tiny_params(config), config)
    (tmp_path / "model" / "config.json").write_text(json.dumps(fields))
    assert read_huggingface_t5(str(tmp_path / "model")).config == config


def test_copies_of_the_embedding_and_what_nothing_reads_may_be_there(copied):
    weights = safetensors.load_file(copied / "model.safetensors")
    expected = read_huggingface_t5(str(copied)).arrays
    shared = weights.pop("shared.weight")
    safetensors.save_file(weights | {
        "encoder.embed_tokens.weight": shared, "decoder.embed_tokens.weight": shared.copy(),
        "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight": shared[:32, :2],
    }, copied / "model.safetensors")
    found = read_huggingface_t5(str(copied)).arrays
    for path, array in expected.items():
        np.testing.assert_array_equal(found[path], array)


@pytest.mark.parametrize("change", ["missing", "unknown", "shape"])
def test_weights_that_are_not_the_configs_are_named(copied, change):
    weights = safetensors.load_file(copied / "model.safetensors")
    name = "encoder.block.0.layer.1.DenseReluDense.wi_0.weight"
    if change == "missing":
        del weights[name]
    elif change == "unknown":
        weights["encoder.block.7.layer.0.layer_norm.weight"] = np.ones(16, np.float32)
    else:
        weights[name] = weights[name][:5].copy()
    safetensors.save_file(weights, copied / "model.safetensors")
    expected = {"missing": name, "unknown": "encoder.block.7", "shape": "wi_0/kernel has shape"}
    with pytest.raises(ArtifactError, match=expected[change]):
        read_huggingface_t5(str(copied))


def test_a_model_in_several_files_is_one_model(copied):
    weights = safetensors.load_file(copied / "model.safetensors")
    expected = read_huggingface_t5(str(copied)).arrays
    parts = {name: f"model-{i % 2 + 1:05d}-of-00002.safetensors" for i, name in enumerate(weights)}
    for file in set(parts.values()):
        safetensors.save_file({name: weights[name] for name in weights if parts[name] == file},
                              copied / file)
    (copied / "model.safetensors").unlink()
    (copied / "model.safetensors.index.json").write_text(json.dumps({"weight_map": parts}))
    found = read_huggingface_t5(str(copied)).arrays
    for path, array in expected.items():
        np.testing.assert_array_equal(found[path], array)


def test_half_precision_is_widened_without_loss(copied):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    weights = safetensors.load_file(copied / "model.safetensors")
    narrow = {name: array.astype(ml_dtypes.bfloat16) for name, array in weights.items()}
    safetensors.save_file(narrow, copied / "model.safetensors")
    found = read_huggingface_t5(str(copied)).arrays["token_embedder/embedding"]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, narrow["shared.weight"].astype(np.float32))


def test_nested_and_named_params_are_inverse():
    params = tiny_params()
    again = nested_params(dict(named_params(params)))
    assert dict(named_params(again)).keys() == dict(named_params(params)).keys()
