"""Pulse: from example files to batches whose text is right, mixed as lambda says."""

import subprocess
import sys
from collections import Counter

import gin
import pytest

import tasks.mixtures  # noqa: F401  registers what is used here
from gram_jax.core.errors import ConfigError
from gram_jax.data.iterators import make_batches
from gram_jax.text.prompts import product_input, query_input

NAME = "gram_query_and_product_to_code"
LENGTHS = {"inputs": 32, "targets": 12}


def batches(**options):
    return make_batches(
        NAME, **{"task_feature_lengths": LENGTHS, "batch_size": 32, "seed": 0} | options)


def test_decoded_batches_are_the_examples(vocabulary, pairs):
    expected = {(name, to_input(text), code)
                for file, to_input in (("query_codes.train", query_input),
                                       ("product_codes.train", product_input))
                for name, text, code in pairs[file]}
    seen = set()
    for _, batch in zip(range(4), batches()):
        texts = vocabulary.decode(batch.encoder_input_tokens)
        codes = vocabulary.decode(batch.decoder_target_tokens)
        seen |= set(zip(batch.example_ids, texts, codes))
    assert seen == expected


@pytest.mark.parametrize("rate", [0.5, 2.0])
def test_lambda_is_the_rate_of_the_product_task(workdir, rate):
    gin.bind_parameter("product_task_rate.rate", rate)
    drawn = [name for _, batch in zip(range(100), batches()) for name in batch.example_ids]
    kinds = Counter(name[0] for name in drawn)
    assert kinds["p"] / kinds["q"] == pytest.approx(rate, rel=0.15)


def test_lambda_zero_leaves_products_out(workdir):
    gin.bind_parameter("product_task_rate.rate", 0.0)
    (workdir / "product_codes.train.jsonl").unlink()
    assert batches().num_examples == {"gram_query_to_code": 5}


def test_a_split_of_one_task_leaves_the_other_out(workdir):
    assert batches(split="tune").num_examples == {"gram_query_to_code": 2}


@pytest.mark.parametrize(("options", "message"), [
    ({"split": "test"}, "no task with a split 'test'"),
    ({"task_feature_lengths": {"inputs": 32}}, "'inputs' and 'targets'"),
    ({"task_feature_lengths": {"inputs": 32, "targets": 3}}, "'1/2 in | pipe' needs|red . shoe"),
])
def test_what_cannot_be_batched_is_refused(workdir, options, message):
    with pytest.raises(ConfigError, match=message):
        batches(**options)


def test_a_negative_lambda_is_refused(workdir):
    gin.bind_parameter("product_task_rate.rate", -1.0)
    with pytest.raises(ConfigError, match="negative"):
        batches()


def test_settings_are_read_without_tensorflow():
    program = ("import sys, tasks.settings\n"
               "sys.exit(bool({'tensorflow', 'seqio', 'jax'} & set(sys.modules)))")
    subprocess.run([sys.executable, "-c", program], check=True)
