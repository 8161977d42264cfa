"""What a module declares about a parameter: its shape, its axes and how it starts.

Modules are built without values; `models.params` draws them or reads them, and binds them to the
module where it is traced. Parameters are float32 whatever the compute dtype.
"""

import dataclasses
import math
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

_TRUNCATED_STDDEV = 0.87962566103423978
"""Standard deviation of a standard normal cut at two: dividing by it restores the variance."""


@dataclasses.dataclass(frozen=True)
class Initial:
    """The distribution a parameter starts from.

    Attributes:
      distribution: 'zeros', 'ones', 'normal', 'truncated_normal' (cut at two deviations) or
        'uniform'.
      stddev: standard deviation of the values drawn; unused for 'zeros' and 'ones'.
    """

    distribution: Literal["zeros", "ones", "normal", "truncated_normal", "uniform"]
    stddev: float = 1.0

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """A float32 array of that shape. Drawn on the host: nothing is compiled for it."""
        match self.distribution:
            case "zeros":
                return np.zeros(shape, np.float32)
            case "ones":
                return np.ones(shape, np.float32)
            case "normal":
                return rng.standard_normal(shape, np.float32) * np.float32(self.stddev)
            case "uniform":
                bound = math.sqrt(3.0) * self.stddev
                return ((2.0 * rng.random(shape, np.float32) - 1.0) * bound).astype(np.float32)
            case "truncated_normal":
                values = rng.standard_normal(shape, np.float32)
                while (outside := np.abs(values) > 2.0).any():
                    values[outside] = rng.standard_normal(int(outside.sum()), np.float32)
                return values * np.float32(self.stddev / _TRUNCATED_STDDEV)


def declare(shape: tuple[int, ...], axes: tuple[str, ...], initial: Initial) -> nnx.Param:
    """A float32 parameter without a value, which knows its logical axis names and its start."""
    return nnx.Param(
        jax.ShapeDtypeStruct(shape, jnp.float32), logical_axes=axes, initial=initial
    )
