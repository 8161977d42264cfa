"""Which mesh axis each logical axis is split over, as data. Knows no array and no mesh.

One set of rules serves every kind of parallelism, because what an axis of the mesh does depends on
its size: `data` splits batches only, `fsdp` batches and the params with all that is kept of them,
`model` what is computed of one row.
"""

from collections.abc import Mapping

from gram_jax.core.errors import ConfigError

MeshAxes = str | tuple[str, ...] | None
"""One mesh axis, several that split an axis together, or None for 'on every device'."""

AxisRules = tuple[tuple[str, MeshAxes], ...]
"""(logical axis, mesh axes), one for each logical axis."""

DEFAULT_AXIS_RULES: AxisRules = (
    ("batch", ("data", "fsdp")),
    ("vocab", "model"),
    ("embed", "fsdp"),
    ("heads", "model"),
    ("mlp", "model"),
    ("kv", None),
    ("layers", None),
    ("relpos_buckets", None),
    ("words", None),
    ("positions", None),
    ("nodes", None),
    ("products", None),
    ("codes", None),
    ("postings", None),
)
"""Heads, mlp and vocabulary go to `model`, the embedding axis to `fsdp`: an array with two of them
is split both ways. The words of a table that makes no logits stay together: a look-up in a split
one would ask every device. Every device holds the whole index: its nodes, codes, postings
and products."""


def axis_rules(
    changes: Mapping[str, MeshAxes] | None = None, *, rules: AxisRules = DEFAULT_AXIS_RULES
) -> AxisRules:
    """The rules with some of them changed.

    Args:
      changes: logical axis -> mesh axes, for instance {'embed': None} to hold params whole.
      rules: what is changed.

    Raises:
      ConfigError: there is no such logical axis.
    """
    changes = dict(changes or {})
    known = [axis for axis, _ in rules]
    if unknown := sorted(changes.keys() - set(known)):
        raise ConfigError(f"no logical axis is called {', '.join(map(repr, unknown))}; there are: "
                          f"{', '.join(sorted(known))}")
    return tuple((axis, changes.get(axis, mesh_axes)) for axis, mesh_axes in rules)


def check_rules(rules: AxisRules, mesh_axis_names: tuple[str, ...]) -> None:
    """Raises a ConfigError, which names the axis, where rules contradict each other or the mesh."""
    seen: dict[str, MeshAxes] = {}
    for axis, mesh_axes in rules:
        if axis in seen:
            raise ConfigError(f"two rules for logical axis '{axis}': {seen[axis]!r} and "
                              f"{mesh_axes!r}; to change a rule, use axis_rules")
        seen[axis] = mesh_axes
        names = axes_tuple(mesh_axes)
        if unknown := [name for name in names if name not in mesh_axis_names]:
            raise ConfigError(f"the rule of logical axis '{axis}' names {unknown}, but the mesh "
                              f"has {mesh_axis_names}")
        if len(set(names)) < len(names):
            raise ConfigError(f"the rule of logical axis '{axis}' names a mesh axis twice: {names}")


def axes_tuple(mesh_axes: MeshAxes) -> tuple[str, ...]:
    """The mesh axes of a rule, however it writes them."""
    if mesh_axes is None:
        return ()
    return (mesh_axes,) if isinstance(mesh_axes, str) else tuple(mesh_axes)
