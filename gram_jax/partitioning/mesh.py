"""The device mesh. Knows device counts; nothing about models or what is sharded."""

import math
from collections.abc import Sequence

import jax
from jax.sharding import AxisType, Mesh

from gram_jax.core.errors import ConfigError

MESH_AXES = ("data", "fsdp", "model")


def make_mesh(*, data: int = -1, fsdp: int = 1, model: int = 1,
              devices: Sequence[jax.Device] | None = None) -> Mesh:
    """Arranges the devices as a `data` x `fsdp` x `model` mesh.

    One of the three sizes may be -1: it takes all the devices that the others leave. With three
    fixed sizes whose product is smaller than the number of devices, the first ones are used.

    Args:
      data: ways the batch is split, with the params on every one of them.
      fsdp: ways the batch and the params are both split; params are gathered when used.
      model: ways the params and the activations are split (tensor parallelism).
      devices: to arrange, such as those of a topology; by default all that this process sees.

    Returns:
      A mesh with the axes `MESH_AXES`, all of them left to the compiler (`AxisType.Auto`).

    Raises:
      ConfigError: the sizes do not fit the devices there are.
    """
    sizes = {"data": data, "fsdp": fsdp, "model": model}
    devices = jax.devices() if devices is None else devices
    num_devices = len(devices)
    bad = [name for name, size in sizes.items() if size < 1 and size != -1]
    free = [name for name, size in sizes.items() if size == -1]
    if bad or len(free) > 1:
        raise ConfigError(f"mesh {sizes}: sizes are positive, and at most one is -1 (the rest)")
    fixed = math.prod(size for size in sizes.values() if size != -1)
    if free:
        if num_devices % fixed:
            raise ConfigError(f"mesh {sizes}: {num_devices} devices do not divide by {fixed}")
        sizes[free[0]] = num_devices // fixed
    num_used = math.prod(sizes.values())
    if num_used > num_devices:
        raise ConfigError(f"mesh {sizes} needs {num_used} devices, but there are {num_devices}")
    if num_used < num_devices and jax.process_count() > 1:
        raise ConfigError(f"mesh {sizes} leaves out some of the {num_devices} devices of "
                          f"{jax.process_count()} processes; bind one size to -1")
    return jax.make_mesh(tuple(sizes.values()), MESH_AXES, (AxisType.Auto,) * len(MESH_AXES),
                         devices=devices[:num_used])
