"""Shops as TensorFlow Datasets, one file a data set, each to be built by `tfds build FILE`."""
