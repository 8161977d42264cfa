"""A pretrained encoder through the real entry point: vocabulary, train, index, search, export."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tokenizers", reason="needs the extra 'pretrained'")
safetensors = pytest.importorskip("safetensors.numpy", reason="needs the extra 'pretrained'")

from gram_jax.codes.code_table import CodeTable  # noqa: E402
from gram_jax.models.config import ModelConfig  # noqa: E402
from gram_jax.models.params import load_params  # noqa: E402
from gram_jax.serving.exported import ExportedRetriever  # noqa: E402
from gram_jax.testing.gram_command import gram  # noqa: E402
from gram_jax.testing.tiny_bert import TOKENS, write_tiny_bert  # noqa: E402
from gram_jax.text.encoding import encode_codes, encode_inputs  # noqa: E402
from gram_jax.text.prompts import query_input  # noqa: E402
from gram_jax.text.vocabulary_files import load_vocabulary  # noqa: E402

SIZES = """
ModelConfig.d_model = 16
ModelConfig.d_ff = 32
ModelConfig.num_heads = 2
ModelConfig.head_dim = 8
ModelConfig.num_encoder_layers = 2
ModelConfig.num_decoder_layers = 1
BertConfig.d_ff = 32
BertConfig.num_heads = 4
BertConfig.num_positions = 40
INPUT_LENGTH = 40
TARGET_LENGTH = 64
NUM_STEPS = 8
CodeTraining.evaluate_every = 8
build_index.learned = None
"""


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> list[str]:
    folder = tmp_path_factory.mktemp("pretrained")
    write_tiny_bert(folder / "encoder")
    (folder / "sizes.gin").write_text(
        f"{SIZES}bert_vocabulary.folder = '{folder / 'encoder'}'\n"
        f"bert_encoder.folder = '{folder / 'encoder'}'\n")
    files = ("gin/experiments/quickstart.gin", "gin/experiments/quickstart_pulse.gin",
             "gin/models/minilm.gin", folder / "sizes.gin")
    return [*(f"--gin_file={file}" for file in files), f"--workdir={folder / 'workdir'}"]


@pytest.fixture(scope="module")
def workdir(settings) -> Path:
    gram("run", *settings)
    return Path(settings[-1].partition("=")[2])


def trained(workdir):
    config = ModelConfig(**json.loads((workdir / "train" / "model.json").read_text()))
    return config, load_params(workdir / "train" / "params.npz", config)


def test_the_decoder_has_logits_for_what_spells_codes(workdir):
    vocabulary = load_vocabulary(workdir / "vocabulary" / "vocabulary.model")
    config, params = trained(workdir)
    codes = CodeTable.load(workdir / "codes" / "table").codes
    assert encode_codes(vocabulary, [code.text for code in codes]).max() < config.output_vocab_size
    assert config.vocab_size == len(TOKENS) > config.output_vocab_size == 128
    assert params["decoder"]["logits_dense"]["kernel"].shape == (16, 128)


def test_training_starts_from_the_encoder_and_leaves_its_words(settings, workdir):
    encoder = Path(settings[-1].partition("=")[2]).parent / "encoder"
    published = safetensors.load_file(encoder / "model.safetensors")
    vocabulary = load_vocabulary(workdir / "vocabulary" / "vocabulary.model")
    _, params = trained(workdir)
    rows = published["embeddings.word_embeddings.weight"]
    np.testing.assert_array_equal(params["token_embedder"]["embedding"],
                                  rows[[TOKENS.index(token) for token in vocabulary.tokens]])
    name = "encoder.layer.0.intermediate.dense.weight"
    moved = np.abs(params["encoder"]["layers_0"]["mlp"]["wi"]["kernel"] - published[name].T)
    assert 0 < moved.max() < 0.01 < np.abs(published[name]).max()


def test_search_and_export_answer_alike(workdir, tmp_path):
    found = json.loads(gram("search", f"--workdir={workdir}", "--json", "--k=5", "red shoe").stdout)
    codes = {code.text for code in CodeTable.load(workdir / "codes" / "table").codes}
    assert found["products"] and {beam["code"] for beam in found["codes"]} <= codes
    gram("export", f"--workdir={workdir}", f"--output={tmp_path / 'programs'}")
    vocabulary = load_vocabulary(tmp_path / "programs" / "vocabulary.model")
    rows = encode_inputs(vocabulary, [query_input("red shoe")], 24)
    retriever = ExportedRetriever(tmp_path / "programs")
    assert [retriever.product_ids[place] for place in retriever.retrieve(rows, k=5)["products"][0]
            ] == [product["product_id"] for product in found["products"]]


def test_two_vocabularies_are_refused(settings, workdir):
    said = gram("vocabulary", *settings, "--gin.build_vocabulary.model_file=x.model", code=2)
    assert "one of build_vocabulary.model_file and .pretrained" in said.stderr
