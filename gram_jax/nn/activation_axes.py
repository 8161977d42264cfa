"""Where activations live on a mesh: a model names their axes, a trainer says what these mean.

Left alone, the compiler guesses from params and batch; where params are split over the devices that
also split the batch, it may then split the features of an activation and copy its rows. Knows no
mesh and no rules.
"""

import contextlib
import contextvars
from collections.abc import Callable, Iterator

import jax

Constrain = Callable[[jax.Array, tuple[str | None, ...]], jax.Array]
"""(array, a logical name or None for each axis) -> the array, laid out on a mesh."""

_CONSTRAIN: contextvars.ContextVar[Constrain | None] = contextvars.ContextVar(
    "constrain", default=None)


@contextlib.contextmanager
def constraining(constrain: Constrain | None) -> Iterator[None]:
    """While it lasts, `constrain_axes` does this; None is nothing.

    To be entered inside the function that is traced: a program that was compiled before is not
    compiled again because of it.
    """
    token = _CONSTRAIN.set(constrain)
    try:
        yield
    finally:
        _CONSTRAIN.reset(token)


def constrain_axes(array: jax.Array, *axes: str | None) -> jax.Array:
    """The array, laid out as the trainer says of arrays with these logical axes.

    Args:
      array: any activation.
      axes: a name for its first axes; those behind are not split.
    """
    constrain = _CONSTRAIN.get()
    if constrain is None:
        return array
    return constrain(array, axes + (None,) * (array.ndim - len(axes)))
