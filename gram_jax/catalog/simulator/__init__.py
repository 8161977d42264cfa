"""A simulated shop: hard in the ways real ones are, with truths that are known by construction."""

from gram_jax.catalog.simulator.simulator import simulate_shop

__all__ = ["simulate_shop"]
