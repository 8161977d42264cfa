"""Shardings of params, optimizer state, batches and activations from logical axes.

Knows nothing about which arrays a model has: the tree of logical axes says it all.
"""

import dataclasses
import math
from typing import Any

import jax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gram_jax.core.errors import ConfigError
from gram_jax.partitioning.rules import DEFAULT_AXIS_RULES, AxisRules, axes_tuple, check_rules


@dataclasses.dataclass(frozen=True)
class Partitioner:
    """A mesh with the axis rules that apply on it.

    Raises:
      ConfigError: two rules contradict each other, or a rule names no axis of the mesh.
    """

    mesh: Mesh
    rules: AxisRules = DEFAULT_AXIS_RULES

    def __post_init__(self):
        check_rules(self.rules, self.mesh.axis_names)

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

        Raises:
          ConfigError: a logical axis has no rule, or two of them are split over one mesh axis,
            which can split an array once.
        """
        split_by: dict[str, str] = {}
        spec = []
        for axis in logical_axes:
            mesh_axes = () if axis is None else self._mesh_axes(axis)
            for name in mesh_axes:
                if name in split_by:
                    raise ConfigError(f"rules of logical axes '{split_by[name]}' and '{axis}' "
                                      f"conflict: mesh axis '{name}' cannot split an array of both "
                                      f"twice. Map one of them to None")
                split_by[name] = axis
            spec.append(mesh_axes[0] if len(mesh_axes) == 1 else mesh_axes or None)
        return PartitionSpec(*spec)

    def constrain(self, array: jax.Array, logical_axes: tuple[str | None, ...]) -> jax.Array:
        """The array of a traced function, laid out on the mesh: `nn.activation_axes.Constrain`."""
        if self.mesh.size == 1:
            return array
        sharding = NamedSharding(self.mesh, self.partition_spec(logical_axes))
        return jax.lax.with_sharding_constraint(array, sharding)

    def param_shardings(self, params: Any, logical_axes: Any) -> Any:
        """The sharding of each param.

        Args:
          params: a tree of arrays or of their shapes.
          logical_axes: the same tree with a tuple of logical axis names for each array.

        Raises:
          ConfigError: a rule is missing, rules conflict, or an axis does not divide by its part of
            the mesh.
          ValueError: the trees differ, or an array has another number of axes than names.
        """
        def sharding(path, param, axes):
            name = jax.tree_util.keystr(path, simple=True, separator="/")
            if len(axes) != len(param.shape):
                raise ValueError(f"{name} has shape {param.shape} but logical axes {axes}")
            try:
                spec = self.partition_spec(axes)
            except ConfigError as error:
                raise ConfigError(f"{name}: {error}") from None
            for axis, size, mesh_axes in zip(axes, param.shape, spec):
                ways = self._ways(mesh_axes)
                if size % ways:
                    raise ConfigError(
                        f"{name}: axis '{axis}' of size {size} does not divide by the {ways} "
                        f"devices of mesh axis {mesh_axes!r}. Bind another mesh, or "
                        f"axis_rules.changes = {{'{axis}': None}}")
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

    def check_batch_size(self, batch_size: int, num_microbatches: int = 1) -> None:
        """Raises a ConfigError when a batch, or a part of it, cannot be split evenly over the mesh.
        """
        ways = self._ways(self.batch_sharding.spec[0])
        if batch_size % (ways * num_microbatches):
            parts = f" in {num_microbatches} microbatches" if num_microbatches > 1 else ""
            raise ConfigError(f"batch size {batch_size}{parts} does not divide by the {ways} "
                              "devices that axis 'batch' is split over")

    def _mesh_axes(self, axis: str) -> tuple[str, ...]:
        known = dict(self.rules)
        if axis not in known:
            raise ConfigError(f"no rule for logical axis '{axis}'; there are: {sorted(known)}")
        return axes_tuple(known[axis])

    def _ways(self, mesh_axes: str | tuple[str, ...] | None) -> int:
        return math.prod(self.mesh.shape[name] for name in axes_tuple(mesh_axes))
