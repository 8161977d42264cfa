"""Where a published model lies: a folder, a name on the hub, or an error that says what to do."""

import sys
import types

import pytest

pytest.importorskip("safetensors", reason="needs the extra 'pretrained'")

from gram_jax.core.errors import ArtifactError, ConfigError
from gram_jax.interop.pretrained_folder import (
    folder_pieces,
    local_folder,
    read_weights,
    weight_shapes,
)


def hub(monkeypatch, snapshot_download):
    module = types.SimpleNamespace(snapshot_download=snapshot_download)
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)


def test_a_folder_is_taken_before_the_hub_is_asked(monkeypatch, tmp_path):
    (tmp_path / "google" / "flan").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert local_folder("google/flan").samefile(tmp_path / "google" / "flan")


def test_the_hub_gives_a_name_its_folder_and_no_pickles(monkeypatch, tmp_path):
    asked = {}

    def snapshot_download(name, *, allow_patterns):
        asked[name] = allow_patterns
        return str(tmp_path)

    hub(monkeypatch, snapshot_download)
    assert local_folder("google/flan-t5-small") == tmp_path
    assert asked == {"google/flan-t5-small": ["*.json", "*.safetensors", "spiece.model"]}


def test_without_the_hubs_library_the_command_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ConfigError, match=r"pip install 'gram-jax\[hub\]'"):
        local_folder("google/flan-t5-small")


def test_what_the_hub_does_not_give_is_a_clear_error(monkeypatch):
    def snapshot_download(name, *, allow_patterns):
        raise OSError("404 Not Found")

    hub(monkeypatch, snapshot_download)
    with pytest.raises(ConfigError, match=r"google/none is no folder here.*404 Not Found"):
        local_folder("google/none")


@pytest.mark.parametrize("path", ["/nowhere/model", "./model", "~/none/such", "a/b/c"])
def test_a_path_that_is_not_there_is_not_looked_up_on_the_hub(monkeypatch, path):
    hub(monkeypatch, lambda *arguments, **keywords: pytest.fail("the hub was asked"))
    with pytest.raises(ConfigError, match="there is no folder"):
        local_folder(path)


def test_pickles_are_refused_and_say_how_to_write_safetensors(tmp_path):
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(ArtifactError, match=r"as a pickle only.*save_pretrained"):
        read_weights(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\x80\x04K\x01.", b"\xff" * 64, None])
def test_missing_and_damaged_weights_are_named(tmp_path, content):
    if content is not None:
        (tmp_path / "model.safetensors").write_bytes(content)
    for read in (read_weights, weight_shapes):
        with pytest.raises(ArtifactError, match=r"model\.safetensors: there are no weights here"):
            read(tmp_path)


@pytest.mark.parametrize("content", ["{}", "[]", "{", '{"weight_map": {}}'])
def test_a_damaged_index_is_named(tmp_path, content):
    (tmp_path / "model.safetensors.index.json").write_text(content)
    with pytest.raises(ArtifactError, match=r"index\.json is damaged"):
        read_weights(tmp_path)


def test_an_index_reaches_no_file_outside_its_folder(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.safetensors.index.json").write_text(
        '{"weight_map": {"a": "../secret.safetensors"}}')
    with pytest.raises(ArtifactError, match=r"model/secret\.safetensors"):
        read_weights(tmp_path / "model")


@pytest.mark.parametrize(("file", "content", "message"), [
    ("spiece.model", b"no protobuf", "not a SentencePiece model"),
    ("tokenizer.json", b"{}", "damaged"),
    ("tokenizer.json", b'{"model": {"type": "Unigram", "vocab": [1]}}', "damaged"),
])
def test_damaged_vocabularies_are_named(tmp_path, file, content, message):
    (tmp_path / file).write_bytes(content)
    with pytest.raises(ArtifactError, match=message):
        folder_pieces(tmp_path)


def test_a_folder_without_a_vocabulary_has_no_pieces(tmp_path):
    assert folder_pieces(tmp_path) is None
    (tmp_path / "tokenizer.json").write_text('{"model": {"type": "WordPiece", "vocab": {}}}')
    assert folder_pieces(tmp_path) is None
