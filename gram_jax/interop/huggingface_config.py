"""Sizes in both forms: `ModelConfig` and the config.json of T5, T5 1.1, flan-T5, mT5 and umT5.

Three model types cover the family. Whether hidden states are scaled before the logits has no field
of its own in a published config.json: T5 and umT5 are scaled where they say that embeddings are
tied, mT5 never is. transformers 5 ties every one of them in its configs, unties where it loads
logits that differ, and scales umT5 always, whatever its config.json says; transformers 4 and T5X,
where umT5 was trained, do not scale a umT5 that is untied. Such a model is read as it was trained.
"""

from collections.abc import Mapping
from typing import Any

from gram_jax.core.errors import ConfigError
from gram_jax.models.config import ModelConfig

_CLASSES = {
    "t5": "T5ForConditionalGeneration",
    "mt5": "MT5ForConditionalGeneration",
    "umt5": "UMT5ForConditionalGeneration",
}
_FIELDS = {
    "d_model": "d_model",
    "d_ff": "d_ff",
    "num_heads": "num_heads",
    "head_dim": "d_kv",
    "num_encoder_layers": "num_layers",
    "num_decoder_layers": "num_decoder_layers",
    "num_relative_buckets": "relative_attention_num_buckets",
    "max_relative_distance": "relative_attention_max_distance",
    "feed_forward": "feed_forward_proj",
}
"""What sizes are called here and there."""
_UNSAID = {"relative_attention_num_buckets": 32, "relative_attention_max_distance": 128}
_FEED_FORWARDS_UNSAID = {"t5": "relu", "mt5": "gated-gelu", "umt5": "gated-gelu"}
_EPSILON = 1e-6


def t5_config_fields(config: ModelConfig, *, eos_id: int = 1) -> dict[str, Any]:
    """What `transformers.T5Config`, or `UMT5Config` where layers have their bias, takes.

    Args:
      config: the model's sizes.
      eos_id: the token that ends a sequence.

    Returns:
      Keyword arguments. `tie_word_embeddings` decides whether transformers scales the hidden states
      by d_model ** -0.5 before the logits; whether logits are tied it sees from the weights.
    """
    return {theirs: getattr(config, ours) for ours, theirs in _FIELDS.items()} | {
        "vocab_size": config.vocab_size,
        "dropout_rate": config.dropout_rate,
        "layer_norm_epsilon": _EPSILON,
        "tie_word_embeddings": config.scales_logits,
        "pad_token_id": 0,
        "eos_token_id": eos_id,
        "decoder_start_token_id": 0,
    }


def config_json(config: ModelConfig, *, eos_id: int = 1) -> dict[str, Any]:
    """The whole content of a config.json; see `t5_config_fields`.

    A model is 't5', which can say all that 'mt5' can, or 'umt5' where layers have their bias.
    """
    model_type = "umt5" if config.per_layer_relative_bias else "t5"
    return {
        "architectures": [_CLASSES[model_type]],
        "model_type": model_type,
        "is_encoder_decoder": True,
        **t5_config_fields(config, eos_id=eos_id),
    }


def model_config(
    fields: Mapping[str, Any], *, vocab_size: int, tie_embeddings: bool, path: object
) -> ModelConfig:
    """The sizes that a config.json describes.

    Args:
      fields: its content.
      vocab_size: rows of the embedding among the weights.
      tie_embeddings: whether the weights have no logits of their own.
      path: named where something is wrong.

    Raises:
      ConfigError: the model is not of T5's family, or computes what ours cannot.
    """
    kind = fields.get("model_type")
    if kind not in _CLASSES:
        raise ConfigError(f"{path} describes a model of type {kind!r}; those of T5's family are "
                          f"{', '.join(_CLASSES)}")
    if fields.get("layer_norm_epsilon", _EPSILON) != _EPSILON:
        raise ConfigError(f"{path}: layer_norm_epsilon is {fields['layer_norm_epsilon']}, and "
                          f"{_EPSILON} here")
    if fields.get("vocab_size", vocab_size) != vocab_size:
        raise ConfigError(f"{path}: vocab_size is {fields['vocab_size']}, but the weights beside "
                          f"it have {vocab_size} tokens")
    said = _UNSAID | {"feed_forward_proj": _FEED_FORWARDS_UNSAID[kind]} | {
        name: value for name, value in fields.items() if value is not None}
    said.setdefault("num_decoder_layers", said.get("num_layers"))
    if missing := [theirs for theirs in _FIELDS.values() if said.get(theirs) is None]:
        raise ConfigError(f"{path} does not say {', '.join(missing)}")
    scaled = _scales_logits(kind, said)
    return ModelConfig(
        vocab_size=vocab_size,
        tie_embeddings=tie_embeddings,
        scale_logits=None if scaled == tie_embeddings else scaled,
        per_layer_relative_bias=kind == "umt5",
        dropout_rate=said.get("dropout_rate", 0.1),
        **{ours: said[theirs] for ours, theirs in _FIELDS.items()},
    )


def _scales_logits(kind: str, said: Mapping[str, Any]) -> bool:
    # transformers 5 writes the first, of T5 alone, and then says of every model that it is tied.
    if kind == "t5" and "scale_decoder_outputs" in said:
        return bool(said["scale_decoder_outputs"])
    return kind != "mt5" and bool(said.get("tie_word_embeddings", True))
