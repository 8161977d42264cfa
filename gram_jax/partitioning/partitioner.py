"""Shardings of params, optimizer state and batches from logical axes.

Knows nothing about which arrays a model has: the tree of logical axes says it all.
"""

import dataclasses
import math
from typing import Any

import jax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gram_jax.core.errors import ConfigError
from gram_jax.partitioning.rules import DEFAULT_AXIS_RULES, AxisRules


@dataclasses.dataclass(frozen=True)
class Partitioner:
    """A mesh with the axis rules that apply on it."""

    mesh: Mesh
    rules: AxisRules = DEFAULT_AXIS_RULES

    @property
    def replicated(self) -> NamedSharding:
        """The sharding of an array that every device holds whole."""
        return NamedSharding(self.mesh, PartitionSpec())

    @property
    def batch_sharding(self) -> NamedSharding:
        """The sharding of every array of a batch: its first axis is the batch."""
        return NamedSharding(self.mesh, self.partition_spec(("batch",)))

    def partition_spec(self, logical_axes: tuple[str | None, ...]) -> PartitionSpec:
        """The mesh axes of an array with these logical axes; None is an axis never split.

        A mesh axis splits an array once: a second logical axis that maps to it stays whole.

        Raises:
          ConfigError: a logical axis has no rule, or its rule names no axis of the mesh.
        """
        used: set[str] = set()
        spec = []
        for axis in logical_axes:
            mesh_axes = () if axis is None else self._mesh_axes(axis)
            free = tuple(name for name in mesh_axes if name not in used)
            used.update(free)
            spec.append(free[0] if len(free) == 1 else free or None)
        return PartitionSpec(*spec)

    def param_shardings(self, params: Any, logical_axes: Any) -> Any:
        """The sharding of each param.

        Args:
          params: a tree of arrays or of their shapes.
          logical_axes: the same tree with a tuple of logical axis names for each array.

        Raises:
          ConfigError: a rule is missing, or an axis does not divide by its part of the mesh.
          ValueError: the trees differ, or an array has another number of axes than names.
        """
        def sharding(path, param, axes):
            name = jax.tree_util.keystr(path, simple=True, separator="/")
            if len(axes) != len(param.shape):
                raise ValueError(f"{name} has shape {param.shape} but logical axes {axes}")
            spec = self.partition_spec(axes)
            for axis, size, mesh_axes in zip(axes, param.shape, spec):
                ways = self._ways(mesh_axes)
                if size % ways:
                    raise ConfigError(f"{name}: axis '{axis}' of size {size} does not divide by "
                                      f"the {ways} devices of mesh axis {mesh_axes!r}")
            return NamedSharding(self.mesh, spec)

        return jax.tree_util.tree_map_with_path(sharding, params, logical_axes)

    def shardings_like_params(self, tree: Any, params: Any, param_shardings: Any) -> Any:
        """Shardings of a tree, such as an optimizer state, that holds trees shaped like params.

        A leaf whose path ends in a param's path and that has its shape (a moment) is split as the
        param is; any other (a count, a factored moment) is held whole by every device.
        """
        known = {path: (param.shape, sharding) for (path, param), sharding in zip(
            jax.tree_util.tree_leaves_with_path(params), jax.tree.leaves(param_shardings))}

        def sharding(path, leaf):
            for start in range(len(path)):
                shape, found = known.get(path[start:], (None, None))
                if shape == leaf.shape:
                    return found
            return self.replicated

        return jax.tree_util.tree_map_with_path(sharding, tree)

    def check_batch_size(self, batch_size: int) -> None:
        """Raises a ConfigError when a batch cannot be split evenly over the mesh."""
        ways = self._ways(self.batch_sharding.spec[0])
        if batch_size % ways:
            raise ConfigError(f"batch size {batch_size} does not divide by the {ways} devices that "
                              f"axis 'batch' is split over")

    def _mesh_axes(self, axis: str) -> tuple[str, ...]:
        known = dict(reversed(self.rules))
        if axis not in known:
            raise ConfigError(f"no rule for logical axis '{axis}'; there are: {sorted(known)}")
        mesh_axes = _as_tuple(known[axis])
        unknown = [name for name in mesh_axes if name not in self.mesh.axis_names]
        if unknown:
            raise ConfigError(f"the rule of logical axis '{axis}' names {unknown}, but the mesh "
                              f"has {self.mesh.axis_names}")
        return mesh_axes

    def _ways(self, mesh_axes: str | tuple[str, ...] | None) -> int:
        return math.prod(self.mesh.shape[name] for name in _as_tuple(mesh_axes))


def _as_tuple(mesh_axes: str | tuple[str, ...] | None) -> tuple[str, ...]:
    if mesh_axes is None:
        return ()
    return (mesh_axes,) if isinstance(mesh_axes, str) else tuple(mesh_axes)
