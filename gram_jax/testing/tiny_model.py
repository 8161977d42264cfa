"""A model small enough for a test: it compiles in a second and has learned nothing."""

from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params, init_params


def tiny_config(vocab_size: int = 64, **changes) -> ModelConfig:
    """One layer a side, d_model 16, two heads; `changes` replace fields of the config."""
    sizes = {
        "vocab_size": vocab_size,
        "d_model": 16,
        "d_ff": 32,
        "num_heads": 2,
        "head_dim": 8,
        "num_encoder_layers": 1,
        "num_decoder_layers": 1,
    }
    return ModelConfig(**(sizes | changes))


def tiny_params(config: ModelConfig | None = None, *, seed: int = 0) -> Params:
    """Random parameters of `config`, or of `tiny_config()`."""
    return init_params(tiny_config() if config is None else config, seed)
