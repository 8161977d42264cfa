"""The sizes of a model. Knows nothing about training or where sizes come from."""

import dataclasses
from collections.abc import Mapping

from gram_jax.core.errors import ConfigError

_COMPUTE_DTYPES = ("float32", "bfloat16", "float64")
_REMATS = ("none", "minimal", "full")
_MEMORY_OPTIONS = ("remat", "max_logit_tokens")
_FEED_FORWARDS = ("gated-gelu", "relu")
_SIZES = (
    "vocab_size", "d_model", "d_ff", "num_heads", "head_dim", "num_encoder_layers",
    "num_decoder_layers",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class BertConfig:
    """What of an encoder's shape is BERT's own; its layers and d_model are the `ModelConfig`'s.

    Attributes:
      d_ff: size inside the feed-forward block.
      num_heads: attention heads, which divide d_model.
      num_positions: the longest text, in tokens.
      norm_epsilon: added to the variance in the norms.

    Raises:
      ConfigError: a value makes no sense.
    """

    d_ff: int
    num_heads: int
    num_positions: int = 512
    norm_epsilon: float = 1e-12

    def __post_init__(self):
        for name in ("d_ff", "num_heads", "num_positions"):
            _check_size("BertConfig", name, getattr(self, name))
        if not self.norm_epsilon > 0:
            raise ConfigError(f"BertConfig.norm_epsilon must be above 0, not {self.norm_epsilon}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The shape of an encoder-decoder of T5's family; hashable, so that it can be static under jit.

    Attributes:
      vocab_size: rows of the embedding of texts.
      output_vocab_size: columns of the logits: only the ids below it are ever generated. None
        takes `vocab_size`.
      d_model: size of the residual stream.
      d_ff: size inside the feed-forward block.
      feed_forward: 'gated-gelu', as T5 1.1 and what followed it have it, or 'relu', as T5.
      num_heads: attention heads.
      head_dim: size of a head; heads * head_dim need not be d_model.
      num_encoder_layers: layers of the encoder.
      num_decoder_layers: layers of the decoder.
      encoder: BERT's encoder in the place of T5's; a mapping, as JSON has it, becomes one. d_ff,
        num_heads, head_dim and the relative positions are then the decoder's alone.
      num_relative_buckets: buckets of the relative position bias, even.
      max_relative_distance: distances from here on share a bucket.
      per_layer_relative_bias: whether every layer has a position bias of its own, as in umT5; in
        the others all layers of a stack share one.
      dropout_rate: in [0, 1), used only where a dropout key is given.
      tie_embeddings: whether logits come from the token embedding.
      scale_logits: whether hidden states are scaled by d_model ** -0.5 before the logits. None, as
        in every published model of T5's family: where the logits are tied.
      compute_dtype: 'float32' or 'bfloat16'; parameters, softmax and logits are float32 anyway.
        'float64' is for proofs: of float64 parameters and with jax_enable_x64.
      remat: what the backward pass computes again to save memory: 'none'; 'minimal', all but the
        products with parameters; 'full', all but the inputs of the layers.
      scan_layers: whether the layers of a stack are compiled once, their parameters held as one
        array; files hold them layer by layer anyway.
      max_logit_tokens: so many tokens of a batch have their logits at the same time in training,
        the others' are computed before or after, and once more in the backward pass. None: all.

    Raises:
      ConfigError: a value makes no sense.
    """

    vocab_size: int
    d_model: int
    d_ff: int
    num_heads: int
    head_dim: int
    num_encoder_layers: int
    num_decoder_layers: int
    output_vocab_size: int | None = None
    encoder: BertConfig | None = None
    num_relative_buckets: int = 32
    max_relative_distance: int = 128
    dropout_rate: float = 0.0
    tie_embeddings: bool = False
    compute_dtype: str = "float32"
    feed_forward: str = "gated-gelu"
    per_layer_relative_bias: bool = False
    scale_logits: bool | None = None
    remat: str = "none"
    scan_layers: bool = False
    max_logit_tokens: int | None = None

    def __post_init__(self):
        for name in _SIZES:
            _check_size("ModelConfig", name, getattr(self, name))
        if self.output_vocab_size is None:
            object.__setattr__(self, "output_vocab_size", self.vocab_size)
        _check_size("ModelConfig", "output_vocab_size", self.output_vocab_size)
        if self.output_vocab_size > self.vocab_size:
            raise ConfigError(f"ModelConfig.output_vocab_size is {self.output_vocab_size}, above "
                              f"the vocab_size of {self.vocab_size}")
        if isinstance(self.encoder, Mapping):
            object.__setattr__(self, "encoder", BertConfig(**self.encoder))
        if self.encoder is not None and self.d_model % self.encoder.num_heads:
            raise ConfigError(f"BertConfig.num_heads is {self.encoder.num_heads}, which does not "
                              f"divide ModelConfig.d_model, {self.d_model}")
        _check_buckets(self)
        _check_rate("ModelConfig", "dropout_rate", self.dropout_rate)
        if self.compute_dtype not in _COMPUTE_DTYPES:
            raise ConfigError(f"ModelConfig.compute_dtype must be one of {_COMPUTE_DTYPES}, "
                              f"not {self.compute_dtype!r}")
        if self.feed_forward not in _FEED_FORWARDS:
            raise ConfigError(f"ModelConfig.feed_forward must be one of {_FEED_FORWARDS}, "
                              f"not {self.feed_forward!r}")
        if self.remat not in _REMATS:
            raise ConfigError(f"ModelConfig.remat must be one of {_REMATS}, not {self.remat!r}")
        if self.max_logit_tokens is not None:
            _check_size("ModelConfig", "max_logit_tokens", self.max_logit_tokens)

    @property
    def scales_logits(self) -> bool:
        """`scale_logits`, decided."""
        return self.tie_embeddings if self.scale_logits is None else self.scale_logits

    def identity(self) -> dict[str, object]:
        """What a run that goes on must share with the run before: all but how it saves memory."""
        return {name: value for name, value in dataclasses.asdict(self).items()
                if name not in _MEMORY_OPTIONS}


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaggerConfig:
    """The shape of a tagger; hashable, so that it can be static under jit.

    Attributes:
      num_tags: columns of the emissions.
      num_ngrams: rows of the table of hashed character n-grams, 0 of which is padding.
      num_marks: rows of the table of shapes, neighbours' spacing and known values, 0 of which is
        padding.
      ngram_size: length of a row of both.
      d_model, d_ff, num_heads, head_dim, num_layers: sizes of the encoder.
      num_relative_buckets, max_relative_distance: of its position bias.
      dropout_rate: in [0, 1), used only where a dropout key is given.
      word_dropout_rate: share of the words whose n-grams are hidden in training, so that the words
        around must do.

    Raises:
      ConfigError: a value makes no sense.
    """

    num_tags: int
    num_ngrams: int
    num_marks: int
    ngram_size: int
    d_model: int
    d_ff: int
    num_heads: int
    head_dim: int
    num_layers: int
    num_relative_buckets: int = 32
    max_relative_distance: int = 64
    dropout_rate: float = 0.0
    word_dropout_rate: float = 0.0

    def __post_init__(self):
        for name in ("num_tags", "num_ngrams", "num_marks", "ngram_size", "d_model", "d_ff",
                     "num_heads", "head_dim", "num_layers"):
            _check_size(type(self).__name__, name, getattr(self, name))
        _check_buckets(self)
        for name in ("dropout_rate", "word_dropout_rate"):
            _check_rate(type(self).__name__, name, getattr(self, name))


@dataclasses.dataclass(frozen=True, kw_only=True)
class RelevanceConfig:
    """The shape of a relevance model; hashable, so that it can be static under jit.

    Attributes:
      num_ngrams: rows of the table of hashed character n-grams, 0 of which is padding.
      d_model, d_ff, num_heads, head_dim, num_layers: sizes of the encoder of both texts.
      num_relative_buckets, max_relative_distance: of its position bias.
      dropout_rate: in [0, 1), used only where a dropout key is given.
      word_dropout_rate: share of the words that are hidden in training.

    Raises:
      ConfigError: a value makes no sense.
    """

    num_ngrams: int = 16384
    d_model: int = 64
    d_ff: int = 128
    num_heads: int = 2
    head_dim: int = 32
    num_layers: int = 1
    num_relative_buckets: int = 16
    max_relative_distance: int = 32
    dropout_rate: float = 0.1
    word_dropout_rate: float = 0.1

    def __post_init__(self):
        for name in ("num_ngrams", "d_model", "d_ff", "num_heads", "head_dim", "num_layers"):
            _check_size(type(self).__name__, name, getattr(self, name))
        _check_buckets(self)
        for name in ("dropout_rate", "word_dropout_rate"):
            _check_rate(type(self).__name__, name, getattr(self, name))


def _check_size(config: str, name: str, value: object) -> None:
    if type(value) is not int or value < 1:
        raise ConfigError(f"{config}.{name} must be a whole number of at least 1, not {value!r}")


def _check_buckets(config: ModelConfig | TaggerConfig | RelevanceConfig) -> None:
    name = type(config).__name__
    if config.num_relative_buckets < 4 or config.num_relative_buckets % 2:
        raise ConfigError(f"{name}.num_relative_buckets must be even and at least 4, "
                          f"not {config.num_relative_buckets}")
    if config.max_relative_distance <= config.num_relative_buckets // 2:
        raise ConfigError(f"{name}.max_relative_distance must exceed half of "
                          f"num_relative_buckets, {config.num_relative_buckets // 2}; "
                          f"it is {config.max_relative_distance}")


def _check_rate(config: str, name: str, value: float) -> None:
    if not 0.0 <= value < 1.0:
        raise ConfigError(f"{config}.{name} must be in [0, 1), not {value}")
