"""A pretrained BERT encoder as `transformers` writes one: its tokenizer and its weights, as ours.

A folder holds config.json, tokenizer.json and model.safetensors. One table says which array is
which and which way round it lies; torch is not needed, since safetensors holds plain arrays (extra
'pretrained' for the two libraries that read them). Only the encoder comes over: the decoder learns
from its beginning, and a pooler or other heads are left where they are.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from gram_jax.core.errors import ArtifactError, ConfigError
from gram_jax.interop.huggingface import Weight
from gram_jax.interop.pretrained_folder import WEIGHTS, read_bytes, read_json, read_weights
from gram_jax.models.config import ModelConfig
from gram_jax.text.new_words import tokenizer_with_words
from gram_jax.text.vocabulary_files import StoredVocabulary
from gram_jax.text.wordpiece import WordPieceVocabulary, renumbered_wordpiece, tokens_of

_WORDS = "token_embedder/embedding"
_POSITIONS = "encoder/position_embedder/embedding"
_SEGMENT = "encoder/segment_embedding"
_DENSE = {
    "attention/query": "attention.self.query",
    "attention/key": "attention.self.key",
    "attention/value": "attention.self.value",
    "attention/out": "attention.output.dense",
    "mlp/wi": "intermediate.dense",
    "mlp/wo": "output.dense",
}
_NORMS = {
    "attention_layer_norm": "attention.output.LayerNorm",
    "mlp_layer_norm": "output.LayerNorm",
}
_NEW = -1
"""The row of a token that the published table lacks."""

_PREFIXES = ("", "bert.")
"""What names begin with: nothing in a bare encoder's file, 'bert.' where it had a head."""


def bert_vocabulary(outputs: Iterable[str], *, folder: str,
                    new_words: Sequence[str] = ()) -> bytes:
    """The file of the encoder's vocabulary, renumbered so that `outputs` take the first ids.

    Args:
      outputs: the texts that the decoder is to generate.
      folder: holds tokenizer.json.
      new_words: words that are to have a token of their own; see `text.new_words`.

    Returns:
      See `text.wordpiece.renumbered_wordpiece`.

    Raises:
      ArtifactError: the tokenizer is missing or of another kind.
      ConfigError: a word cannot be added.
    """
    tokenizer = read_bytes(Path(folder) / "tokenizer.json")
    return renumbered_wordpiece(
        tokenizer_with_words(tokenizer, new_words) if new_words else tokenizer, outputs)


def bert_encoder(
    config: ModelConfig, vocabulary: StoredVocabulary, *, folder: str
) -> dict[str, np.ndarray]:
    """The pretrained parameters: words, positions and layers of the encoder.

    Words that the vocabulary was given besides start as the mean of those that were learned.

    Args:
      config: the model that is to hold them.
      vocabulary: whose ids the words' rows follow, made by `bert_vocabulary`.
      folder: holds config.json, tokenizer.json and model.safetensors.

    Returns:
      Float32 arrays by their paths below 'token_embedder' and 'encoder', for
      `models.params.replace_params`.

    Raises:
      ConfigError: the config or the vocabulary is not this encoder's.
      ArtifactError: a file is missing or damaged, or lacks a weight, which is named.
    """
    root, weights = Path(folder), Path(folder) / WEIGHTS
    rows = _rows(vocabulary, root / "tokenizer.json")
    _check_sizes(config, root / "config.json", num_new_words=int((rows == _NEW).sum()))
    arrays = read_weights(root)
    prefix = next((prefix for prefix in _PREFIXES
                   if f"{prefix}embeddings.word_embeddings.weight" in arrays), "")
    found = {}
    for path, weight in weight_names(config).items():
        name = prefix + weight.name
        if name not in arrays:
            raise ArtifactError(f"{weights} has no {name}, which is to be {path}")
        array = np.asarray(arrays[name], np.float32)
        found[path] = np.ascontiguousarray(array.T if weight.transposed else array)
    found[_SEGMENT] = found[_SEGMENT][0]
    words = found[_WORDS]
    found[_WORDS] = np.where((rows == _NEW)[:, None], words.mean(axis=0), words[rows])
    return found


def weight_names(config: ModelConfig) -> dict[str, Weight]:
    """For the path of every parameter that is pretrained, the weight that it is.

    Two are not whole: of the segments the first row is taken, of the words the vocabulary's rows.
    """
    names = {
        _WORDS: Weight("embeddings.word_embeddings.weight", False),
        _SEGMENT: Weight("embeddings.token_type_embeddings.weight", False),
        _POSITIONS: Weight("embeddings.position_embeddings.weight", False),
        **_norm_names("encoder/embedding_layer_norm", "embeddings.LayerNorm"),
    }
    for layer in range(config.num_encoder_layers):
        ours, theirs = f"encoder/layers_{layer}", f"encoder.layer.{layer}"
        for our_part, their_part in _DENSE.items():
            names[f"{ours}/{our_part}/kernel"] = Weight(f"{theirs}.{their_part}.weight", True)
            names[f"{ours}/{our_part}/bias"] = Weight(f"{theirs}.{their_part}.bias", False)
        for our_part, their_part in _NORMS.items():
            names |= _norm_names(f"{ours}/{our_part}", f"{theirs}.{their_part}")
    return names


def _norm_names(ours: str, theirs: str) -> dict[str, Weight]:
    return {f"{ours}/scale": Weight(f"{theirs}.weight", False),
            f"{ours}/bias": Weight(f"{theirs}.bias", False)}


def _check_sizes(config: ModelConfig, path: Path, *, num_new_words: int) -> None:
    """Raises where what the encoder computes is not what the config says."""
    if config.encoder is None:
        raise ConfigError("ModelConfig.encoder is T5's; bind @BertConfig() to it, as "
                          "gin/models/minilm.gin does")
    found = read_json(path)
    expected = {
        "model_type": "bert",
        "hidden_act": "gelu",
        "position_embedding_type": "absolute",
        "vocab_size": config.vocab_size - num_new_words,
        "hidden_size": config.d_model,
        "num_hidden_layers": config.num_encoder_layers,
        "num_attention_heads": config.encoder.num_heads,
        "intermediate_size": config.encoder.d_ff,
        "max_position_embeddings": config.encoder.num_positions,
        "layer_norm_eps": config.encoder.norm_epsilon,
    }
    # Files that say nothing of these two mean what BERT has.
    given = {"hidden_act": "gelu", "position_embedding_type": "absolute"} | found
    if differing := [f"{name} is {given.get(name)!r} there and {value!r} here"
                     for name, value in expected.items() if given.get(name) != value]:
        raise ConfigError(f"{path} describes another encoder than the config: "
                          f"{'; '.join(differing)}")


def _rows(vocabulary: StoredVocabulary, path: Path) -> np.ndarray:
    """For every id the row of its token in the published table, or _NEW: int64 [vocab_size]."""
    rows = {token: row for row, token in enumerate(tokens_of(read_bytes(path)))}
    if not isinstance(vocabulary, WordPieceVocabulary) or not rows.keys() <= set(vocabulary.tokens):
        raise ConfigError(f"the vocabulary is not that of the encoder in {path.parent}: bind "
                          "build_vocabulary.pretrained to @bert_vocabulary with the same folder")
    return np.array([rows.get(token, _NEW) for token in vocabulary.tokens], np.int64)
