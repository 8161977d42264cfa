import jax
import pytest

from gram_jax.core.errors import ConfigError
from gram_jax.partitioning.mesh import MESH_AXES, make_mesh


def test_one_free_size_takes_the_devices_that_are_left():
    for sizes in ({"data": -1}, {"data": 1, "fsdp": -1}, {"data": 1, "model": -1}):
        mesh = make_mesh(**sizes)
        assert mesh.axis_names == MESH_AXES
        assert mesh.size == jax.device_count()


def test_fixed_sizes_take_the_first_devices():
    assert make_mesh(data=1).devices.ravel().tolist() == jax.devices()[:1]


@pytest.mark.parametrize("sizes, word", [
    ({"data": -1, "fsdp": -1}, "at most one"),
    ({"data": 0}, "positive"),
    ({"data": -2}, "positive"),
    ({"data": 1, "model": 4096}, "4096"),
    ({"data": -1, "model": 4096}, "divide"),
])
def test_sizes_that_do_not_fit_are_refused_by_name(sizes, word):
    with pytest.raises(ConfigError, match=word):
        make_mesh(**sizes)
