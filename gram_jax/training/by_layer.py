"""Transformations of gradients that look at whole arrays, for params of scanned layers.

Adafactor takes means over the rows and columns of an array, clips it and scales it as one. An array
of scanned layers holds one for each, so each layer is transformed by itself: scanning then changes
no update. Knows only that such params lie in a folder called 'layers'.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import optax

_STACKED = "layers"


class ByLayerState(NamedTuple):
    """States of one transformation."""

    rest: Any  # of all params that are not scanned
    stacks: Mapping[str, Any]  # place of a stack -> of its params, the layers as first axis


def by_layer(transformation: optax.GradientTransformation) -> optax.GradientTransformation:
    """The transformation, applied to each layer of scanned params by itself.

    Its state is that of the transformation where no layers are scanned.
    """
    def init(params):
        stacks = _stacks(params)
        if not stacks:
            return transformation.init(params)
        return ByLayerState(
            transformation.init(_part(params, None)),
            {name: jax.vmap(transformation.init)(_part(params, name)) for name in stacks})

    def update(updates, state, params=None):
        if not isinstance(state, ByLayerState):
            return transformation.update(updates, state, params)
        changed, rest = transformation.update(
            _part(updates, None), state.rest, _part(params, None))
        parts, stacks = [changed], {}
        for name, of_stack in state.stacks.items():
            changed, stacks[name] = jax.vmap(transformation.update)(
                _part(updates, name), of_stack, _part(params, name))
            parts.append(changed)
        return _joined(parts), ByLayerState(rest, stacks)

    return optax.GradientTransformation(init, update)


def _stack_of(path) -> str | None:
    """The place of the stack that a param belongs to; None where its layers are not scanned."""
    place, folder, _ = jax.tree_util.keystr(path, simple=True, separator="/").partition(
        f"/{_STACKED}/")
    return place if folder else None


def _stacks(tree: Any) -> list[str]:
    names = {_stack_of(path) for path, _ in jax.tree_util.tree_leaves_with_path(tree)}
    return sorted(name for name in names if name is not None)


def _part(tree: Any, stack: str | None) -> Any:
    """The tree with None in the place of every param that is not of this stack."""
    return jax.tree_util.tree_map_with_path(
        lambda path, leaf: leaf if _stack_of(path) == stack else None, tree)


def _joined(parts: list[Any]) -> Any:
    """The tree of which these are the parts."""
    return jax.tree.map(lambda *leaves: next((leaf for leaf in leaves if leaf is not None), None),
                        *parts, is_leaf=lambda leaf: leaf is None)
