"""Sizes that arrays are padded to, so that a few entries more or fewer rarely change a shape."""

_SMALLEST = 256


def capacity_class(size: int) -> int:
    """The least of 1, 1.25, 1.5 and 1.75 times a power of two that holds `size`; at least 256.

    Classes lie at most a quarter apart, so padding wastes at most a fifth of an array.

    Examples:
      >>> [capacity_class(size) for size in (10, 257, 944, 32447)]
      [256, 320, 1024, 32768]
    """
    if size <= _SMALLEST:
        return _SMALLEST
    quarter = 1 << ((size - 1).bit_length() - 3)
    return -(-size // quarter) * quarter
