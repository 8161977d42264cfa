"""Products in a file: read when they are asked for, so that a catalogue need not fit in memory.

Knows nothing of the rest of a shop.
"""

import itertools
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

import numpy as np

from gram_jax.core.records import Product


class StoredProducts(Sequence):
    """Products as lines of JSON in a file.

    A slice is a view of the same file, cheap to send to another process, which then reads its
    part itself.

    Args:
      path: the file.
      ids: the product_id of each line.
      starts: int64 [products + 1], the byte at which each line starts; the last is the end.
      owner: kept alive as long as the products are, for example a temporary file.
    """

    def __init__(self, path: str | Path, ids: tuple[str, ...], starts: np.ndarray, *,
                 owner: object = None):
        self._path, self.ids, self._starts, self._owner = Path(path), ids, starts, owner

    @classmethod
    def scan(cls, path: str | Path) -> "StoredProducts":
        """Reads a file once, to find its lines and check that each is a product.

        Raises:
          OSError, ValueError, KeyError, TypeError, AttributeError: the file is missing or damaged.
        """
        ids, lengths = [], [0]
        with open(path, "rb") as stream:
            for line in stream:
                ids.append(_product(line).product_id)
                lengths.append(len(line))
        return cls(path, tuple(ids), np.cumsum(lengths, dtype=np.int64))

    @classmethod
    def spool(cls, products: Iterable[Product]) -> "StoredProducts":
        """Puts products into a temporary file as they come; it is gone when they are."""
        file = tempfile.NamedTemporaryFile("wb", suffix=".jsonl")  # noqa: SIM115, see owner
        ids, starts = _write_lines(file, products)
        return cls(file.name, ids, starts, owner=file)

    def save(self, path: str | Path) -> None:
        """Writes the lines to a file of their own."""
        with open(self._path, "rb") as source, open(path, "wb") as target:
            source.seek(int(self._starts[0]))
            remaining = int(self._starts[-1] - self._starts[0])
            while remaining:
                part = source.read(min(remaining, 1 << 22))
                if not part:
                    raise OSError(f"{self._path} has become shorter")
                target.write(part)
                remaining -= len(part)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int | slice) -> "Product | StoredProducts":
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step != 1:
                raise ValueError("stored products are sliced without a step")
            stop = max(start, stop)
            return StoredProducts(self._path, self.ids[start:stop], self._starts[start:stop + 1],
                                  owner=self._owner)
        place = range(len(self))[index]
        with open(self._path, "rb") as stream:
            stream.seek(int(self._starts[place]))
            return _product(stream.read(int(self._starts[place + 1] - self._starts[place])))

    def __iter__(self) -> Iterator[Product]:
        with open(self._path, "rb") as stream:
            stream.seek(int(self._starts[0]))
            yield from map(_product, itertools.islice(stream, len(self)))

    def __eq__(self, other: object) -> bool:
        """Equal to any sequence of equal products."""
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(one == two for one, two in zip(self, other))

    __hash__ = None

    def __reduce__(self):
        return StoredProducts, (self._path, self.ids, self._starts)


def write_products(products: Iterable[Product], path: str | os.PathLike) -> None:
    """Writes a file that `StoredProducts.scan` reads."""
    if isinstance(products, StoredProducts):
        products.save(path)
    else:
        with open(path, "wb") as stream:
            _write_lines(stream, products)


def _write_lines(stream: IO[bytes], products: Iterable[Product]
                 ) -> tuple[tuple[str, ...], np.ndarray]:
    ids, lengths = [], [0]
    for product in products:
        row = {"product_id": product.product_id, "title": product.title,
               "attributes": dict(product.attributes)}
        line = json.dumps(row, ensure_ascii=False).encode() + b"\n"
        stream.write(line)
        ids.append(product.product_id)
        lengths.append(len(line))
    stream.flush()
    return tuple(ids), np.cumsum(lengths, dtype=np.int64)


def _product(line: bytes) -> Product:
    row = json.loads(line)
    return Product(row["product_id"], row["title"],
                   {name: tuple(values) for name, values in row["attributes"].items()})
