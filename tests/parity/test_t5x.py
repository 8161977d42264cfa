"""T5X itself loads our checkpoints and computes our logits, and ours computes those of its own.

Needs a checkout of T5X, named by the environment variable T5X_CHECKOUT. Of it only the networks and
the reader of checkpoints run; what they import for training and cannot be had from a package index
(jestimator, airio, ...) is replaced by an empty stand-in, which loading never calls.
"""

import importlib
import os
import sys
import types
from importlib.machinery import ModuleSpec
from pathlib import Path
from unittest import mock

import jax
import numpy as np
import pytest

CHECKOUT = Path(os.environ.get("T5X_CHECKOUT", ""))
pytestmark = pytest.mark.skipif(
    not (os.environ.get("T5X_CHECKOUT") and (CHECKOUT / "t5x" / "checkpoints.py").is_file()),
    reason="the environment variable T5X_CHECKOUT names no checkout of T5X")

from gram_jax.interop.t5x import read_t5x, read_t5x_config, write_t5x  # noqa: E402
from gram_jax.models.params import bind, init_params, nested_params  # noqa: E402
from gram_jax.testing.tiny_model import tiny_config  # noqa: E402

RELATIVE = 1e-5
VOCAB_SIZE = 24
SIZES = {"num_encoder_layers": 2, "num_decoder_layers": 3, "num_heads": 2, "d_ff": 24}
CONFIGS = {
    "t5": tiny_config(VOCAB_SIZE, **SIZES, feed_forward="relu", tie_embeddings=True),
    "t5_1_1": tiny_config(VOCAB_SIZE, **SIZES),
    "umt5": tiny_config(VOCAB_SIZE, **SIZES, per_layer_relative_bias=True),
}


@pytest.fixture(scope="module")
def t5x():
    """Imports a module of the checkout by its name below t5x, leaving out t5x/__init__.py."""
    before = dict(sys.modules)
    package = types.ModuleType("t5x")
    package.__path__ = [str(CHECKOUT / "t5x")]
    sys.modules["t5x"] = package

    def load(name):
        while True:
            try:
                return importlib.import_module(f"t5x.{name}")
            except ModuleNotFoundError as error:
                missing = error.name
                if missing is None or missing.startswith("t5x") or missing in sys.modules:
                    raise
                stand_in = mock.MagicMock(__path__=[])
                stand_in.__spec__ = ModuleSpec(missing, None, is_package=True)
                sys.modules[missing] = stand_in

    yield load
    for name in sys.modules.keys() - before.keys():
        if name.startswith("t5x") or isinstance(sys.modules[name], mock.MagicMock):
            del sys.modules[name]


def batch():
    rng = np.random.default_rng(0)
    rows = rng.integers(2, VOCAB_SIZE, (3, 40)).astype(np.int32)
    targets = rng.integers(2, VOCAB_SIZE, (3, 20)).astype(np.int32)
    rows[1, 17:] = 0
    return rows, np.pad(targets, ((0, 0), (1, 0)))[:, :-1], targets


def their_model(t5x, config):
    scalable = config.per_layer_relative_bias
    network = t5x("examples.scalable_t5.network" if scalable else "examples.t5.network")
    gated = config.feed_forward == "gated-gelu"
    return network.Transformer(network.T5Config(
        vocab_size=config.vocab_size, emb_dim=config.d_model, num_heads=config.num_heads,
        num_encoder_layers=config.num_encoder_layers, num_decoder_layers=config.num_decoder_layers,
        head_dim=config.head_dim, mlp_dim=config.d_ff, dropout_rate=0.0,
        mlp_activations=("gelu", "linear") if gated else ("relu",),
        logits_via_embedding=config.tie_embeddings))


def their_logits(t5x, config, target):
    return np.asarray(their_model(t5x, config).apply({"params": target}, *batch(),
                                                     enable_dropout=False))


def our_logits(config, params):
    rows, inputs, _ = batch()
    return np.asarray(jax.jit(lambda params: bind(config, params)(rows, inputs))(params))


def assert_same(found, expected):
    assert np.abs(found - expected).max() < RELATIVE * np.abs(expected).max()


@pytest.mark.parametrize("name", CONFIGS)
def test_t5x_loads_our_checkpoint_and_has_our_logits(t5x, name, tmp_path):
    config = CONFIGS[name]
    params = init_params(config, 0)
    folder = write_t5x(tmp_path, params, config, step=7)
    state = t5x("checkpoints").load_t5x_checkpoint(str(folder))
    assert int(state["state"]["step"]) == 7
    assert_same(our_logits(config, params), their_logits(t5x, config, state["target"]))


@pytest.mark.parametrize("name", CONFIGS)
def test_ours_loads_a_checkpoint_that_t5x_drew(t5x, name, tmp_path):
    config = CONFIGS[name]
    model = their_model(t5x, config)
    target = jax.tree.map(np.asarray, model.init(
        jax.random.key(0), *batch(), enable_dropout=False)["params"])
    serialization = importlib.import_module("flax.serialization")
    (tmp_path / "checkpoint").write_bytes(serialization.to_bytes(
        {"version": 3, "optimizer": {"target": target, "state": {"step": 0}}}))
    assert read_t5x_config(tmp_path) == config
    assert_same(our_logits(config, nested_params(read_t5x(tmp_path))),
                their_logits(t5x, config, target))


def test_a_checkpoint_that_t5x_ships_is_read(t5x):
    file = CHECKOUT / "t5x" / "testdata" / "test_t5_tiny.checkpoint_0"
    if not file.is_file():
        pytest.skip("this checkout has no testdata")
    config = read_t5x_config(file)
    assert (config.vocab_size, config.d_model, config.num_heads, config.head_dim) == (
        32128, 8, 4, 3)
    state = t5x("checkpoints").load_t5x_checkpoint(str(file))
    assert_same(our_logits(config, nested_params(read_t5x(file))),
                their_logits(t5x, config, state["target"]))
