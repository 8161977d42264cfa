"""A model of three matrices, whose objective is a line: a step takes microseconds."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental.compilation_cache import compilation_cache

from gram_jax.models.objectives import ObjectiveValue
from gram_jax.partitioning.mesh import make_mesh

_CACHE_SETTINGS = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs",
                   "jax_persistent_cache_min_entry_size_bytes")


@pytest.fixture(scope="session", autouse=True)
def compile_once(tmp_path_factory):
    """Every run compiles its own step; kept on disk, the same step is compiled once a session."""
    before = {name: getattr(jax.config, name) for name in _CACHE_SETTINGS}
    for name, value in zip(_CACHE_SETTINGS, (str(tmp_path_factory.mktemp("compiled")), 0, -1)):
        jax.config.update(name, value)
    compilation_cache.reset_cache()
    yield
    for name, value in before.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()


@dataclasses.dataclass(frozen=True)
class Toy:
    params: Any
    logical_axes: Any
    objective: Any
    mesh: Any


def _objective(params, batch, rng):
    hidden = jnp.tanh(params["embedding"][batch.encoder_input_tokens].mean(1)
                      @ params["mlp"]["kernel"] + params["mlp"]["bias"])
    if rng is not None:
        hidden = hidden * jax.random.bernoulli(rng, 0.9, hidden.shape) / 0.9
    log_probs = jax.nn.log_softmax(hidden @ params["embedding"].T)
    weights = batch.decoder_loss_weights
    taken = jnp.take_along_axis(log_probs, batch.decoder_target_tokens, axis=1)
    right = log_probs.argmax(-1)[:, None] == batch.decoder_target_tokens
    return ObjectiveValue(-(taken * weights).sum(), weights.sum(),
                          {"accuracy": (right * weights).sum()})


@pytest.fixture
def toy() -> Toy:
    random = np.random.default_rng(0)
    params = {
        "embedding": random.normal(size=(64, 8)).astype(np.float32),
        "mlp": {"kernel": random.normal(size=(8, 8)).astype(np.float32),
                "bias": np.zeros(8, np.float32)},
    }
    axes = {"embedding": ("vocab", "embed"),
            "mlp": {"kernel": ("embed", "mlp"), "bias": ("mlp",)}}
    return Toy(params, axes, _objective, make_mesh(data=1))
