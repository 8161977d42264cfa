"""A BERT encoder as `transformers` writes one, small enough for a test and without knowledge.

Needs the extra 'pretrained'.
"""

import json
import string
from pathlib import Path

import numpy as np

from gram_jax.models.config import BertConfig, ModelConfig
from gram_jax.testing.tiny_model import tiny_config

_SPECIAL = ("[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_WORDS = ("red", "blue", "shoe", "running", "kitchen", "sink", "query", "product", "##s", "##ing",
          "stainless", "steel", "a", "##er", "the", "##a")
_CHARACTERS = (*string.ascii_lowercase, *string.digits, *string.punctuation, "½", "中", "é")
TOKENS = tuple(dict.fromkeys([*_SPECIAL, *_WORDS, *_CHARACTERS,
                              *(f"##{character}" for character in _CHARACTERS)]))
"""The tokens in the order of the published ids."""

_SIZES = {"d_ff": 32, "num_heads": 4, "num_positions": 40}


def tiny_bert_config(**changes) -> ModelConfig:
    """A tiny model with the encoder of `write_tiny_bert`; `changes` replace fields."""
    return tiny_config(**({"vocab_size": len(TOKENS), "num_encoder_layers": 2,
                           "encoder": BertConfig(**_SIZES)} | changes))


def write_tiny_bert(folder: Path, *, seed: int = 0) -> None:
    """Writes config.json, tokenizer.json and model.safetensors, the last drawn at random."""
    from safetensors.numpy import save_file

    config = tiny_bert_config()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({
        "model_type": "bert",
        "vocab_size": len(TOKENS),
        "hidden_size": config.d_model,
        "num_hidden_layers": config.num_encoder_layers,
        "num_attention_heads": config.encoder.num_heads,
        "intermediate_size": config.encoder.d_ff,
        "max_position_embeddings": config.encoder.num_positions,
        "layer_norm_eps": config.encoder.norm_epsilon,
        "type_vocab_size": 2,
        "hidden_act": "gelu",
    }))
    (folder / "tokenizer.json").write_text(tokenizer_json(TOKENS), encoding="utf-8")
    rng = np.random.default_rng(seed)
    save_file({name: _drawn(rng, name, shape) for name, shape in _shapes(config).items()},
              folder / "model.safetensors")


def tokenizer_json(tokens: tuple[str, ...]) -> str:
    """A tokenizer with BERT's normal form and these tokens."""
    return json.dumps({
        "version": "1.0",
        "truncation": {"max_length": 8, "strategy": "LongestFirst", "stride": 0},
        "padding": None,
        "added_tokens": [
            {"id": number, "content": token, "special": True, "single_word": False,
             "lstrip": False, "rstrip": False, "normalized": False}
            for number, token in enumerate(tokens) if token in _SPECIAL and "unused" not in token],
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                       "strip_accents": None, "lowercase": True},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": None,
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100,
                  "vocab": {token: number for number, token in enumerate(tokens)}},
    })


def _shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    size, inner = config.d_model, config.encoder.d_ff
    shapes = {"embeddings.word_embeddings.weight": (config.vocab_size, size),
              "embeddings.position_embeddings.weight": (config.encoder.num_positions, size),
              "embeddings.token_type_embeddings.weight": (2, size),
              **_with_bias("embeddings.LayerNorm", (size,)),
              **_with_bias("pooler.dense", (size, size))}
    for layer in range(config.num_encoder_layers):
        dense = {"attention.self.query": (size, size), "attention.self.key": (size, size),
                 "attention.self.value": (size, size), "attention.output.dense": (size, size),
                 "attention.output.LayerNorm": (size,), "intermediate.dense": (inner, size),
                 "output.dense": (size, inner), "output.LayerNorm": (size,)}
        for name, shape in dense.items():
            shapes |= _with_bias(f"encoder.layer.{layer}.{name}", shape)
    return shapes


def _with_bias(name: str, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


def _drawn(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Wide enough that every array matters to what comes out."""
    if name.endswith("LayerNorm.weight"):
        return rng.uniform(0.5, 1.5, shape).astype(np.float32)
    return rng.normal(0, 0.3, shape).astype(np.float32)
