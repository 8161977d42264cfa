"""transformers computes what our encoder computes from the same files, also the published ones."""

import gzip
import json
from pathlib import Path

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("safetensors", reason="needs the extra 'pretrained'")
tokenizers = pytest.importorskip("tokenizers", reason="needs the extra 'pretrained'")

from gram_jax.core.errors import ConfigError  # noqa: E402
from gram_jax.interop.bert import bert_encoder, bert_vocabulary  # noqa: E402
from gram_jax.interop.minilm import minilm_folder  # noqa: E402
from gram_jax.models.config import BertConfig, ModelConfig  # noqa: E402
from gram_jax.models.params import bind, init_params, replace_params  # noqa: E402
from gram_jax.models.text_embedding import sentence_embeddings  # noqa: E402
from gram_jax.testing.tiny_bert import tiny_bert_config, write_tiny_bert  # noqa: E402
from gram_jax.text.encoding import encode_inputs  # noqa: E402
from gram_jax.text.normal_form import normalize_text  # noqa: E402
from gram_jax.text.wordpiece import WordPieceVocabulary  # noqa: E402

RELATIVE = 1e-5
TITLES = ["red running shoes", "stainless steel kitchen sink 33 in. x 22 in.", "a",
          "½ in. pipe, café", "Husky 3/8 in. drive ratchet w/ quick-release | chrome"]
MINILM = ModelConfig(
    vocab_size=30_522, d_model=384, d_ff=8, num_heads=1, head_dim=8, num_encoder_layers=6,
    num_decoder_layers=1, output_vocab_size=128, encoder=BertConfig(d_ff=1536, num_heads=12))


@pytest.fixture(scope="module")
def minilm() -> str:
    try:
        return minilm_folder()
    except ConfigError as error:
        pytest.skip(str(error))


def pretrained(folder, config):
    """The vocabulary and a jitted encoder, tokens -> [batch, length, d_model]."""
    vocabulary = WordPieceVocabulary(bert_vocabulary(["chrome", "sink | steel"], folder=folder))
    params = replace_params(init_params(config, 0), bert_encoder(config, vocabulary, folder=folder))
    return vocabulary, jax.jit(lambda tokens: bind(config, params).encode(tokens))


def relative_error(found, expected):
    return np.abs(found - expected).max() / np.abs(expected).max()


def check_against_transformers(folder, config):
    torch = pytest.importorskip("torch", reason="needs the extra 'interop'")
    transformers = pytest.importorskip("transformers", reason="needs the extra 'interop'")
    vocabulary, encode = pretrained(folder, config)
    tokens = encode_inputs(vocabulary, TITLES, 24)
    found = np.asarray(encode(tokens))

    theirs = transformers.BertModel.from_pretrained(folder, attn_implementation="eager").eval()
    tokenizer = published_tokenizer(folder)
    numbers = tokenizer.get_vocab()
    ids = np.array([[numbers[vocabulary.tokens[token]] for token in row] for row in tokens])
    with torch.inference_mode():
        expected = theirs(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(
            (tokens > 0).astype(np.int64))).last_hidden_state.numpy()
    seen = tokens > 0
    assert relative_error(found[seen], expected[seen]) < RELATIVE


def published_tokenizer(folder):
    tokenizer = tokenizers.Tokenizer.from_file(str(Path(folder) / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


@pytest.mark.parametrize("seed", range(2))
def test_a_random_encoder_is_the_same(tmp_path, seed):
    write_tiny_bert(tmp_path, seed=seed)
    check_against_transformers(str(tmp_path), tiny_bert_config())


def test_the_published_encoder_is_the_same(minilm):
    check_against_transformers(minilm, MINILM)


def test_sentence_embeddings_are_those_of_sentence_transformers(minilm):
    library = pytest.importorskip("sentence_transformers", reason="needs sentence-transformers")
    vocabulary, encode = pretrained(minilm, MINILM)
    tokens = encode_inputs(vocabulary, TITLES, 32)
    found = np.asarray(sentence_embeddings(encode(tokens), tokens))
    theirs = library.SentenceTransformer(minilm, device="cpu")
    expected = theirs.encode([normalize_text(title) for title in TITLES],
                             normalize_embeddings=True)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.fixture(scope="module")
def both(minilm):
    """(tokens of a text by our vocabulary, by the published tokenizer), marks included."""
    vocabulary = WordPieceVocabulary(bert_vocabulary(["chrome", "sink | steel"], folder=minilm))
    tokenizer = published_tokenizer(minilm)

    def tokens(texts):
        rows = encode_inputs(vocabulary, texts, 600)
        found = [tokenizer.encode(normalize_text(text)).tokens for text in texts]
        return ([[vocabulary.tokens[token] for token in row[row > 0]] for row in rows], found)

    return tokens


@settings(max_examples=300)
@given(text=st.text(max_size=60))
def test_any_text_is_split_as_published(both, text):
    ours, theirs = both([text])
    assert ours == theirs


def test_real_titles_and_queries_are_split_as_published(both, home_depot_folder):
    with gzip.open(home_depot_folder / "products.jsonl.gz", "rt", encoding="utf-8") as stream:
        texts = [json.loads(line)["title"] for line in stream][::5]
    with gzip.open(home_depot_folder / "judgments.train.jsonl.gz", "rt", encoding="utf-8") as lines:
        texts += sorted({json.loads(line)["query"] for line in lines})
    ours, theirs = both(texts)
    assert ours == theirs and len(texts) > 10_000
