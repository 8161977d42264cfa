"""The meshes of gin/meshes have the devices that their names say, and hold the published models."""

from pathlib import Path

import gin
import pytest
from jax.sharding import AbstractMesh

from gram_jax.models.config import ModelConfig
from gram_jax.models.params import abstract_params, logical_axes
from gram_jax.partitioning.mesh import MESH_AXES, make_mesh
from gram_jax.partitioning.partitioner import Partitioner
from gram_jax.pipeline.configurables import register

_GIN = Path(__file__).resolve().parents[2] / "gin"
_DEVICES = {"gpu_8": 8, "v5e_8": 8, "v5e_256": 256, "v6e_64": 64, "v5p_128": 64,
            "laptop": 8, "single_device": 1, "data_parallel": 8, "fully_sharded": 8,
            "tensor_parallel": 2}
"""Of a free size, a number that the models can be split over."""
_MODELS = [f"t5_1_1_{size}" for size in ("small", "base", "large", "xl", "xxl")]


def bindings(folder: str, name: str, configurable: str) -> dict[str, int]:
    register()
    with gin.unlock_config():
        gin.clear_config()
        gin.parse_config_file(str(_GIN / folder / f"{name}.gin"))
        found = gin.get_bindings(configurable)
        gin.clear_config()
    return found


def mesh_of(name: str) -> AbstractMesh:
    sizes = bindings("meshes", name, "make_mesh")
    if -1 in sizes.values():
        free = next(axis for axis in MESH_AXES if sizes[axis] == -1)
        sizes[free] = _DEVICES[name]
    return AbstractMesh(tuple(sizes[axis] for axis in MESH_AXES), MESH_AXES)


def test_every_mesh_file_is_known_here():
    assert {file.stem for file in (_GIN / "meshes").glob("*.gin")} == set(_DEVICES)


@pytest.mark.parametrize("name", _DEVICES)
def test_a_mesh_has_as_many_devices_as_its_slice(name):
    assert mesh_of(name).size == _DEVICES[name]


@pytest.mark.parametrize("name", _DEVICES)
def test_every_published_size_divides_over_every_mesh(name):
    partitioner = Partitioner(mesh_of(name))
    for model in _MODELS:
        config = ModelConfig(vocab_size=32128, scan_layers=True,
                             **bindings("models", model, "ModelConfig"))
        params = abstract_params(config)
        shardings = partitioner.param_shardings(params, logical_axes(config))
        kernel = params["encoder"]["layers"]["mlp"]["wo"]["kernel"]
        held = shardings["encoder"]["layers"]["mlp"]["wo"]["kernel"].shard_shape(kernel.shape)
        mesh = partitioner.mesh.shape
        assert held == (config.num_encoder_layers, config.d_ff // mesh["model"],
                        config.d_model // mesh["fsdp"])


def test_make_mesh_takes_what_the_files_bind():
    assert set(bindings("meshes", "v5p_128", "make_mesh")) == set(MESH_AXES)
    assert make_mesh(**bindings("meshes", "single_device", "make_mesh")).size == 1
