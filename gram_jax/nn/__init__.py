"""Layers of the T5 1.1 encoder-decoder on Flax NNX."""
