"""GRAM: generative retrieval and alignment for e-commerce search, in JAX."""

__version__ = "0.1.0"
