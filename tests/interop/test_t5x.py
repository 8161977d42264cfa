"""A checkpoint of T5X is the model, in both of T5X's forms, or what does not fit is named."""

import shutil

import numpy as np
import pytest
from flax import serialization

tensorstore = pytest.importorskip("tensorstore", reason="needs the extra 'train'")

from gram_jax.core.errors import ArtifactError, ConfigError  # noqa: E402
from gram_jax.interop import t5x as t5x_files  # noqa: E402
from gram_jax.interop.t5x import (  # noqa: E402
    read_t5x,
    read_t5x_config,
    t5x_config,
    t5x_params,
    write_t5x,
)
from gram_jax.models.params import init_params, named_params, nested_params  # noqa: E402
from gram_jax.testing.tiny_bert import tiny_bert_config  # noqa: E402
from gram_jax.testing.tiny_model import tiny_config, tiny_params  # noqa: E402
from gram_jax.text.vocabulary import SentencePieceVocabulary, train_vocabulary  # noqa: E402

FORMS = {
    "t5": {"feed_forward": "relu", "tie_embeddings": True},
    "t5_1_1": {"num_encoder_layers": 2, "num_decoder_layers": 3, "head_dim": 5},
    "umt5": {"per_layer_relative_bias": True, "num_encoder_layers": 2, "num_decoder_layers": 3},
}


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory):
    path = tmp_path_factory.mktemp("vocabulary") / "spiece.model"
    train_vocabulary(["red running shoes", "kitchen sink"], vocab_size=300, path=path)
    return SentencePieceVocabulary.load(path)


@pytest.fixture
def written(vocabulary, tmp_path):
    config = tiny_config(vocabulary.vocab_size + 9)
    return write_t5x(tmp_path / "run", tiny_params(config), config, vocabulary, step=3), config


def assert_equal(found, params):
    expected = dict(named_params(params))
    assert found.keys() == expected.keys()
    for path, array in found.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, expected[path])


def target_of(folder):
    content = serialization.msgpack_restore((folder / "checkpoint").read_bytes())
    return content["optimizer"]["target"]


@pytest.mark.parametrize("scalable", [None, False])
@pytest.mark.parametrize("form", FORMS)
def test_what_is_written_is_what_is_read(form, scalable, tmp_path):
    config = tiny_config(**FORMS[form])
    params = init_params(config, 1)
    folder = write_t5x(tmp_path, params, config, scalable=scalable)
    assert_equal(read_t5x(folder), params)
    assert read_t5x_config(folder) == config


def test_in_the_scalable_form_layers_are_an_axis_and_heads_too(tmp_path):
    config = tiny_config(**FORMS["umt5"])
    params = tiny_params(config)
    folder = write_t5x(tmp_path, params, config)
    shapes = {path: tuple(leaf["metadata"]["shape"])
              for path, leaf in t5x_files._leaves(target_of(folder))}
    assert shapes["decoder/decoder/self_attention/query/kernel"] == (16, 3, 2, 8)
    assert shapes["decoder/decoder/self_attention/out/kernel"] == (2, 3, 8, 16)
    assert shapes["encoder/encoder/relpos_bias/rel_embedding"] == (2, 2, 32)
    assert shapes["encoder/encoder/pre_mlp_layer_norm/scale"] == (16, 2)


def test_a_shared_bias_becomes_one_for_each_scanned_layer(tmp_path):
    config = tiny_config(num_encoder_layers=2)
    params = tiny_params(config)
    folder = write_t5x(tmp_path, params, config, scalable=True)
    found = read_t5x(folder)
    assert read_t5x_config(folder).per_layer_relative_bias
    for layer in range(2):
        np.testing.assert_array_equal(found[f"encoder/layers_{layer}/relpos_bias/rel_embedding"],
                                      params["encoder"]["relpos_bias"]["rel_embedding"])


def test_arrays_may_stand_in_the_msgpack_or_behind_placeholders(written, tmp_path):
    folder, config = written
    arrays = read_t5x(folder)
    inline = tmp_path / "inline"
    inline.mkdir()
    (inline / "checkpoint").write_bytes(serialization.msgpack_serialize(
        {"version": 3, "optimizer": {"target": nested_params(arrays), "state": {"step": 1}}}))
    # The T5X that saves through Orbax has no version and no description of an array.
    placed = shutil.copytree(folder, tmp_path / "placed")
    names = {path: f"PLACEHOLDER://target.{path.replace('/', '.')}" for path in arrays}
    (placed / "checkpoint").write_bytes(serialization.msgpack_serialize(
        {"target": nested_params(names), "state": {"step": 1}}))
    for source in (inline, placed, inline / "checkpoint"):
        assert_equal(read_t5x(source), nested_params(arrays))
        assert read_t5x_config(source) == config


def test_paths_of_a_cloud_bucket_lie_in_the_folder_all_the_same(written):
    folder, _ = written
    expected = read_t5x(folder)
    content = serialization.msgpack_restore((folder / "checkpoint").read_bytes())
    norm = content["optimizer"]["target"]["encoder"]["encoder_norm"]
    path = norm["scale"]["kvstore"].pop("path")
    norm["scale"]["kvstore"] |= {"driver": "gcs", "bucket": "t5x-dummy-bucket"}
    norm["scale"]["path"] = path
    (folder / "checkpoint").write_bytes(serialization.msgpack_serialize(content))
    assert_equal(read_t5x(folder), nested_params(expected))


def test_the_last_step_of_a_folder_is_read(written):
    folder, config = written
    later = tiny_params(config, seed=5)
    write_t5x(folder.parent, later, config, step=20)
    assert_equal(read_t5x(folder.parent), later)


def test_large_arrays_are_cut_into_chunks(monkeypatch, tmp_path):
    monkeypatch.setattr(t5x_files, "_CHUNK_BYTES", 1000)
    params = tiny_params()
    folder = write_t5x(tmp_path, params, tiny_config())
    spec = target_of(folder)["token_embedder"]["embedding"]
    assert spec["metadata"]["chunks"] == [15, 16] and spec["metadata"]["shape"] == [64, 16]
    assert_equal(read_t5x(folder), params)


def test_a_model_starts_from_the_checkpoint_with_or_without_spare_rows(written, vocabulary):
    folder, config = written
    whole = read_t5x(folder)
    found = t5x_config(source=str(folder), vocab_size=vocabulary.vocab_size)
    assert found.vocab_size == config.vocab_size
    assert_equal(t5x_params(config, vocabulary, source=str(folder)), nested_params(whole))
    cut = t5x_params(tiny_config(vocabulary.vocab_size), vocabulary, source=str(folder))
    np.testing.assert_array_equal(cut["token_embedder/embedding"],
                                  whole["token_embedder/embedding"][:vocabulary.vocab_size])


def test_other_sizes_and_vocabularies_are_refused(written, vocabulary, tmp_path):
    folder, config = written
    with pytest.raises(ConfigError, match="d_ff is 32 there and 40 here"):
        t5x_params(tiny_config(config.vocab_size, d_ff=40), vocabulary, source=str(folder))
    train_vocabulary(["garden hose", "hammer drill"], vocab_size=300, path=tmp_path / "other")
    other = SentencePieceVocabulary.load(tmp_path / "other")
    with pytest.raises(ConfigError, match=r"token \d+ is"):
        t5x_params(config, other, source=str(folder))
    (folder.parent / "spiece.model").unlink()
    assert t5x_params(config, vocabulary, source=str(folder))
    large = tiny_config(5000)
    folder = write_t5x(tmp_path / "large", tiny_params(large), large)
    with pytest.raises(ConfigError, match="was trained with 5000"):
        t5x_params(large, vocabulary, source=str(folder))
    small = tiny_config(64)
    folder = write_t5x(tmp_path / "small", tiny_params(small), small)
    with pytest.raises(ConfigError, match="was trained with 64"):
        t5x_config(source=str(folder), vocab_size=vocabulary.vocab_size)


@pytest.mark.parametrize("config", [tiny_bert_config(), tiny_config(output_vocab_size=9)])
def test_a_model_that_t5x_has_not_is_refused(config, tmp_path):
    with pytest.raises(ConfigError, match="no form there"):
        write_t5x(tmp_path, tiny_params(config), config)


@pytest.mark.parametrize(("content", "message"), [
    (b"", "damaged"), (b"\x00\xff\x00", "damaged"), (b"\x80", "damaged"),
    (b'model_checkpoint_path: "model.ckpt-1"', "of TensorFlow"),
    (serialization.msgpack_serialize({"target": {}}), "without parameters"),
    (serialization.msgpack_serialize({"target": {"decoder": {"scale": np.ones(3)}}}),
     "no encoder-decoder"),
    (serialization.msgpack_serialize({"target": {"decoder": {"scale": "text"}}}), "cannot read"),
])
def test_what_is_no_checkpoint_of_an_encoder_decoder_is_named(tmp_path, content, message):
    (tmp_path / "checkpoint").write_bytes(content)
    with pytest.raises(ArtifactError, match=message):
        read_t5x_config(tmp_path)


def test_missing_arrays_and_folders_are_named(written, tmp_path):
    folder, _ = written
    shutil.rmtree(folder / "target.encoder.layers_0.mlp.wo.kernel")
    with pytest.raises(ArtifactError, match="array encoder/layers_0/mlp/wo/kernel"):
        read_t5x(folder)
    with pytest.raises(ConfigError, match="no T5X checkpoint here"):
        read_t5x(tmp_path / "nowhere")
