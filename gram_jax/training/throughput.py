"""What steps work through a second, and which part of the machine that uses.

Tokens are those that are not padding. *Model FLOPs* are the additions and multiplications of the
matrix products of a forward pass, times three: the backward pass has two products for each. What
recomputes activations to save memory, or skips the gradients of frozen params, does not change
them, so that runs compare; padding counts, since it is computed. *Utilisation* is model FLOPs a
second over the peak of all devices together, and is written only where a peak is known.
"""

import dataclasses
import functools
import math
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gram_jax.models.objectives import Objective

_BACKWARD_AND_FORWARD = 3


@dataclasses.dataclass(frozen=True)
class Work:
    """What one step works through."""

    tokens: int = 0
    model_flops: float = 0.0

    def __add__(self, other: "Work") -> "Work":
        return Work(self.tokens + other.tokens, self.model_flops + other.model_flops)


@dataclasses.dataclass(frozen=True)
class Throughput:
    """Counts the work of steps.

    Args:
      count_work: batch, as its iterator gives it -> what a step on it works through.
      peak_flops: of all devices together, a second; None where it is not known.
    """

    count_work: Callable[[Any], Work]
    peak_flops: float | None = None

    def rates(self, work: Work, seconds: float) -> dict[str, float]:
        """Metrics of some steps: tokens and model FLOPs a second, and utilisation if known.

        Args:
          work: of the steps together.
          seconds: that they took, with all that happened between them.
        """
        seconds = max(seconds, 1e-9)
        rates = {"tokens_per_second": work.tokens / seconds,
                 "model_flops_per_second": work.model_flops / seconds}
        if self.peak_flops is not None:
            rates["utilisation"] = rates["model_flops_per_second"] / self.peak_flops
        return rates


def work_counter(objective: Objective, params: Any,
                 token_fields: tuple[str, ...]) -> Callable[[Any], Work]:
    """A `count_work` for batches of token ids in which 0 is padding.

    Args:
      objective: what a step minimises. It is traced once for each shape of batch.
      params: arrays or their shapes.
      token_fields: the fields of a batch whose tokens are counted.
    """
    shapes = jax.tree.map(_shape, params)
    flops_of_shape: dict[tuple, float] = {}

    def count(batch: Any) -> Work:
        key = tuple((array.shape, str(array.dtype)) for array in jax.tree.leaves(batch))
        if key not in flops_of_shape:
            forward = matmul_flops(lambda params, batch: objective(params, batch, None),
                                   shapes, jax.tree.map(_shape, batch))
            flops_of_shape[key] = _BACKWARD_AND_FORWARD * forward
        tokens = sum(int(np.count_nonzero(getattr(batch, name))) for name in token_fields)
        return Work(tokens, flops_of_shape[key])

    return count


def matmul_flops(function: Callable, *arguments: Any) -> float:
    """FLOPs of all matrix products in a function: two for each multiplication.

    Loops count as often as they run, and a choice counts as its dearest branch.

    Args:
      function: what JAX can trace; nothing is computed.
      arguments: arrays or `jax.ShapeDtypeStruct`s, in trees.

    Raises:
      ValueError: a loop multiplies matrices and has no fixed number of turns.
    """
    return _flops_of(jax.make_jaxpr(function)(*arguments).jaxpr)


def _flops_of(jaxpr) -> float:
    return sum(_flops_of_equation(equation) for equation in jaxpr.eqns)


def _flops_of_equation(equation) -> float:
    name, settings = equation.primitive.name, equation.params
    if name == "dot_general":
        (contracted, _), _ = settings["dimension_numbers"]
        first = equation.invars[0].aval.shape
        return 2.0 * math.prod(equation.outvars[0].aval.shape) * math.prod(
            first[axis] for axis in contracted)
    inner = [_flops_of(found) for found in _jaxprs_in(settings.values())]
    if name == "cond":
        return max(inner, default=0.0)
    if name == "while" and any(inner):
        raise ValueError("a loop without a fixed number of turns multiplies matrices")
    if name == "shard_map":  # its shapes are those of one device
        return sum(inner) * settings["mesh"].size
    return sum(inner) * (settings["length"] if name == "scan" else 1)


def _jaxprs_in(values) -> list:
    """The programs among an equation's settings, alone or in tuples."""
    found = []
    for value in values:
        if isinstance(value, tuple | list):
            found += _jaxprs_in(value)
        elif hasattr(value, "eqns"):
            found.append(value)
        elif hasattr(value, "jaxpr"):
            found.append(value.jaxpr)
    return found


def _shape(array: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(array.shape, array.dtype)


def measured_peak_flops(*, dtype: str = "float32", size: int | None = None,
                        num_trials: int = 5) -> float:
    """FLOPs a second that one device reaches on products of large square matrices.

    A measured peak is what a program could reach; a maker's figure is higher. It takes a second or
    two, in which nothing else should run.

    Args:
      dtype: of the matrices: that in which the model computes.
      size: of the matrices; by default 1,024 on a CPU and 8,192 elsewhere.
      num_trials: the fastest counts.
    """
    if size is None:
        size = 1024 if jax.default_backend() == "cpu" else 8192
    products = 8
    matrix = jnp.full((size, size), 1 / size, dtype)
    multiply = jax.jit(functools.partial(_multiply, times=products))
    multiply(matrix, matrix).block_until_ready()
    fastest = math.inf
    for _ in range(num_trials):
        start = time.perf_counter()
        multiply(matrix, matrix).block_until_ready()
        fastest = min(fastest, time.perf_counter() - start)
    return products * 2.0 * size**3 / fastest


def _multiply(first: jax.Array, second: jax.Array, *, times: int) -> jax.Array:
    """second multiplied by first, so many times, each time waiting for the time before."""
    return jax.lax.fori_loop(0, times, lambda _, product: first @ product, second)
