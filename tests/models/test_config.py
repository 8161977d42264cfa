"""A config that makes no sense is refused by the name of its field; sizes that ship make sense."""

import dataclasses
import json
import re
from pathlib import Path

import pytest

from gram_jax.core.errors import ConfigError
from gram_jax.models.config import BertConfig, ModelConfig
from gram_jax.models.params import abstract_params, count_params
from gram_jax.testing.tiny_bert import tiny_bert_config
from gram_jax.testing.tiny_model import tiny_config

SIZES = Path(__file__).resolve().parents[2] / "gin" / "models"


@pytest.mark.parametrize("tied", [False, True])
def test_logits_are_scaled_where_they_are_tied_unless_said_otherwise(tied):
    assert tiny_config(tie_embeddings=tied).scales_logits is tied
    for scaled in (False, True):
        assert tiny_config(tie_embeddings=tied, scale_logits=scaled).scales_logits is scaled


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("vocab_size", 0),
        ("num_heads", -1),
        ("d_model", 16.0),
        ("num_encoder_layers", True),
        ("num_relative_buckets", 7),
        ("num_relative_buckets", 2),
        ("max_relative_distance", 16),
        ("dropout_rate", 1.0),
        ("dropout_rate", -0.1),
        ("compute_dtype", "float16"),
        ("output_vocab_size", 0),
        ("output_vocab_size", 65),
        ("feed_forward", "gelu"),
        ("encoder", BertConfig(d_ff=8, num_heads=3)),
    ],
)
def test_a_value_without_sense_is_refused_by_name(field, value):
    with pytest.raises(ConfigError, match="num_heads" if field == "encoder" else field):
        tiny_config(**{field: value})


@pytest.mark.parametrize(("field", "value"), [
    ("d_ff", 0), ("num_heads", 1.5), ("num_positions", -1), ("norm_epsilon", 0.0)])
def test_a_value_of_the_encoder_without_sense_is_refused_by_name(field, value):
    with pytest.raises(ConfigError, match=rf"BertConfig\.{field}"):
        BertConfig(**({"d_ff": 8, "num_heads": 2} | {field: value}))


def test_every_token_has_a_logit_unless_it_is_said():
    assert tiny_config(50).output_vocab_size == 50
    assert tiny_config(50) == tiny_config(50, output_vocab_size=50)


@pytest.mark.parametrize("config", [tiny_config(output_vocab_size=9), tiny_bert_config()])
def test_json_there_and_back_is_the_same_config(config):
    again = ModelConfig(**json.loads(json.dumps(dataclasses.asdict(config))))
    assert again == config and hash(again) == hash(config)


def test_equal_configs_hash_alike_so_that_they_share_a_compiled_program():
    assert hash(tiny_config()) == hash(tiny_config())
    assert tiny_config() != tiny_config(d_ff=48)


@pytest.mark.parametrize(
    ("size", "parameters"),
    # The published counts of T5 1.1, which its checkpoints hold at 32,128 tokens.
    [
        ("t5_1_1_small", 76_961_152),
        ("t5_1_1_base", 247_577_856),
        ("t5_1_1_large", 783_150_080),
        ("t5_1_1_xl", 2_849_757_184),
        ("t5_1_1_xxl", 11_135_332_352),
    ],
)
def test_sizes_of_t5_have_its_parameter_counts(size, parameters):
    config = ModelConfig(vocab_size=32_128, **bindings(size))
    assert count_params(abstract_params(config)) == parameters


@pytest.mark.parametrize("size", ["tiny", "small", "medium"])
def test_own_sizes_are_complete(size):
    assert ModelConfig(vocab_size=100, **bindings(size)).vocab_size == 100


def bindings(size):
    """The values that a size's gin file binds."""
    text = (SIZES / f"{size}.gin").read_text()
    found = re.findall(r"^ModelConfig\.(\w+) = (\d+)$", text, re.MULTILINE)
    assert len(found) == len([line for line in text.splitlines() if line and line[0] != "#"])
    return {name: int(value) for name, value in found}


def test_options_of_memory_are_checked_and_are_no_part_of_the_identity():
    plain, spared = tiny_config(), tiny_config(remat="full", max_logit_tokens=64)
    assert plain.identity() == spared.identity() != tiny_config(d_ff=64).identity()
    assert plain.identity() != tiny_config(scan_layers=True).identity()
    with pytest.raises(ConfigError, match="remat must be one of"):
        tiny_config(remat="most")
    with pytest.raises(ConfigError, match="max_logit_tokens"):
        tiny_config(max_logit_tokens=0)
