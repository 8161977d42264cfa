"""The library's functions that gin may bind, registered in one place.

The library itself knows nothing of gin. Only what imports quickly stands here: TensorFlow is
loaded by the stage that trains.
"""

import functools

import gin

# Their configurables are bound in gin files: importing them makes the names known.
import gram_jax.pipeline.stages  # noqa: F401
import tasks.settings  # noqa: F401
from gram_jax.attributes.gazetteer_building import GazetteerSettings
from gram_jax.catalog.home_depot import read_home_depot
from gram_jax.catalog.own_shop import read_own_shop
from gram_jax.catalog.simulator import simulate_shop
from gram_jax.codes.mining_settings import MiningSettings
from gram_jax.models.config import ModelConfig
from gram_jax.partitioning.mesh import make_mesh
from gram_jax.serving.snapshot import SearchSettings
from gram_jax.training.optimizers import adafactor, adamw
from gram_jax.training.schedules import constant, warmup_cosine, warmup_rsqrt

_LIBRARY = (read_home_depot, read_own_shop, simulate_shop, GazetteerSettings,
            MiningSettings, ModelConfig, make_mesh, SearchSettings, adafactor, adamw, constant,
            warmup_cosine, warmup_rsqrt)
_STAGES = ("prepare", "build_codes", "build_vocabulary", "train", "build_index", "evaluate")
_TASKS = ("code_examples_folder", "vocabulary_file", "product_task_rate")
NAMES = tuple(function.__name__ for function in _LIBRARY) + _STAGES + _TASKS
"""Every name that a gin file may bind."""


@functools.cache
def register() -> None:
    """Makes the names known to gin; once is enough."""
    for function in _LIBRARY:
        gin.external_configurable(function, module="gram_jax")
