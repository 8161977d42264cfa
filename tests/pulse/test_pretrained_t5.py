"""A published T5 through the real entry point: vocabulary, sizes, training from it, export."""

import json
import re

import numpy as np
import pytest

pytest.importorskip("safetensors", reason="needs the extra 'pretrained'")

from gram_jax.interop.huggingface_t5 import read_huggingface_t5
from gram_jax.testing.gram_command import gram
from gram_jax.testing.tiny_t5 import write_tiny_t5

STEPS = 2


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published") / "t5"
    write_tiny_t5(folder, feed_forward="relu", tie_embeddings=True)
    return folder


@pytest.fixture(scope="module")
def settings(published):
    files = ("gin/experiments/quickstart.gin", "gin/experiments/quickstart_pulse.gin",
             "gin/models/t5_pretrained.gin")
    return [*(f"--gin_file={file}" for file in files), f"--gin.PRETRAINED={published}",
            # Steps so small that what was trained is still recognisably what it started from.
            f"--gin.NUM_STEPS={STEPS}", "--gin.LEARNING_RATE=1e-5",
            f"--gin.CodeTraining.evaluate_every={STEPS}", "--gin.warmup_cosine.warmup_steps=1",
            "--gin.INPUT_LENGTH=96", "--gin.TARGET_LENGTH=96",
            f"--workdir={published.parent / 'workdir'}"]


def test_training_starts_from_it_and_export_gives_it_back(settings, published):
    gram("run", "--until=train", *settings)
    workdir = published.parent / "workdir"
    assert (workdir / "vocabulary" / "vocabulary.model").read_bytes() == (
        published / "spiece.model").read_bytes()
    output = published.parent / "exported"
    gram("export-model", f"--workdir={workdir}", f"--output={output}")
    started, ended = read_huggingface_t5(str(published)), read_huggingface_t5(str(output))
    config = json.loads((workdir / "train" / "model.json").read_text())
    assert ended.config == started.config and config["vocab_size"] == started.config.vocab_size
    moved = {path: np.abs(array - started.arrays[path]).max()
             for path, array in ended.arrays.items()}
    assert 0 < max(moved.values()) < 1e-3
    assert min(np.abs(array).max() for array in started.arrays.values()) > 0.05


def test_another_vocabulary_is_refused_before_the_first_step(settings):
    said = gram("run", "--until=train", *settings, "--gin.build_vocabulary.model_file=None",
                code=2)
    assert re.search(r"vocabulary has \d+ tokens and .* was trained with \d+", said.stderr)
    assert "build_vocabulary.model_file" in said.stderr and "Traceback" not in said.stderr
