"""The model of the last training of a workdir leaves it in both forms, with its vocabulary."""

import dataclasses
import json

import numpy as np
import pytest

pytest.importorskip("safetensors", reason="needs the extra 'pretrained'")
pytest.importorskip("tensorstore", reason="needs the extra 'train'")

from gram_jax import cli
from gram_jax.interop.huggingface_t5 import read_huggingface_t5
from gram_jax.interop.t5x import read_t5x
from gram_jax.models.params import named_params
from gram_jax.pipeline.trained import save_trained
from gram_jax.pipeline.workdir import Manifest
from gram_jax.testing.tiny_model import tiny_config, tiny_params
from gram_jax.text.vocabulary import SentencePieceVocabulary, train_vocabulary


def finish(folder):
    manifest = Manifest(folder.name, "", {}, {}, "", {}, "", 0.0, {})
    (folder / "manifest.json").write_text(json.dumps(dataclasses.asdict(manifest)))


@pytest.fixture
def workdir(tmp_path):
    folder = tmp_path / "workdir" / "vocabulary"
    folder.mkdir(parents=True)
    train_vocabulary(["red running shoes", "kitchen sink"], vocab_size=300,
                     path=folder / "vocabulary.model")
    finish(folder)
    return folder.parent


def train(workdir, stage, seed):
    vocabulary = SentencePieceVocabulary.load(workdir / "vocabulary" / "vocabulary.model")
    config = tiny_config(vocabulary.vocab_size)
    (workdir / stage).mkdir()
    params = tiny_params(config, seed=seed)
    save_trained(workdir / stage, config, params)
    finish(workdir / stage)
    return dict(named_params(params))


@pytest.mark.parametrize(("form", "read"), [
    ("huggingface", lambda folder: read_huggingface_t5(folder).arrays), ("t5x", read_t5x)])
def test_the_last_training_is_written(workdir, tmp_path, capsys, form, read):
    train(workdir, "train", 0)
    expected = train(workdir, "align", 1)
    output = tmp_path / "out"
    assert cli.main(["export-model", f"--workdir={workdir}", f"--output={output}",
                     f"--form={form}"]) == 0
    assert "the model of 'align' is written" in capsys.readouterr().err
    found = read(str(output))
    assert found.keys() == expected.keys()
    for path, array in found.items():
        np.testing.assert_array_equal(array, expected[path])
    assert (output / "spiece.model").read_bytes() == (
        workdir / "vocabulary" / "vocabulary.model").read_bytes()


def test_a_workdir_without_a_model_is_a_clear_error(workdir, tmp_path, capsys):
    assert cli.main(["export-model", f"--workdir={workdir}", f"--output={tmp_path / 'out'}"]) == 2
    assert "has no trained model. Run it: gram train" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
