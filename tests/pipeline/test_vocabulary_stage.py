"""The vocabulary stage with a pretrained encoder's tokens: what the decoder is held to."""

import pytest

pytest.importorskip("tokenizers", reason="needs the extra 'pretrained'")

from gram_jax.codes.code import Code
from gram_jax.codes.code_table import CodeTable
from gram_jax.codes.examples import CodeExample, write_code_examples
from gram_jax.core.errors import ConfigError
from gram_jax.interop.bert import bert_vocabulary
from gram_jax.models.config import ModelConfig
from gram_jax.pipeline.code_training import check_targets
from gram_jax.pipeline.stage import StageContext
from gram_jax.pipeline.stages.vocabulary import build_vocabulary
from gram_jax.pipeline.workdir import Workdir
from gram_jax.testing.tiny_bert import TOKENS, tokenizer_json
from gram_jax.testing.tiny_model import tiny_config
from gram_jax.text.vocabulary_files import load_vocabulary

FILLERS = tuple(f"filler{number}" for number in range(300))
TITLE = " ".join(FILLERS)


@pytest.fixture
def build(tmp_path, monkeypatch):
    """(settings) -> the vocabulary of a shop of one product whose title has 300 odd words."""
    codes, target = tmp_path / "codes", tmp_path / "vocabulary"
    CodeTable.build({Code("red shoe", (("modifier", "red shoe"),)): [0]}, ["p1"]
                    ).save(codes / "table")
    write_code_examples(codes / "product_codes.train.jsonl",
                        [CodeExample("p1", TITLE, ("red shoe",))])
    write_code_examples(codes / "query_codes.train.jsonl", [])
    (tmp_path / "tokenizer.json").write_text(tokenizer_json((*TOKENS, *FILLERS)))
    target.mkdir()
    workdir = Workdir(tmp_path)
    monkeypatch.setattr(Workdir, "require", Workdir.folder)
    context = StageContext(workdir, target, False, lambda rows, name, total: rows, print)

    def run(**settings):
        counts = build_vocabulary(
            context, vocab_size=0, pretrained=lambda outputs: bert_vocabulary(
                outputs, folder=str(tmp_path)), **settings)
        return counts, load_vocabulary(target / "vocabulary.model")

    return run


@pytest.mark.parametrize("generate_texts", [False, True])
def test_the_decoder_spells_codes_and_texts_only_where_that_is_wanted(build, generate_texts):
    counts, vocabulary = build(generate_texts=generate_texts)
    code, title = vocabulary.encode(["red shoe", TITLE])
    assert max(code) < counts["output_vocab_size"] == vocabulary.output_vocab_size
    assert (max(title) < vocabulary.output_vocab_size) == generate_texts


def test_targets_beyond_the_outputs_are_refused_with_the_remedy():
    config: ModelConfig = tiny_config(output_vocab_size=20)
    check_targets(19, config)
    with pytest.raises(ConfigError, match=r"token 20, .* logits for 20 only.*generate_texts"):
        check_targets(20, config)
