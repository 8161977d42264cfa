"""The catalogue's codes and the products under each, in both directions.

Knows nothing of how codes were mined or of any model.
"""

import dataclasses
import functools
import itertools
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from gram_jax.codes.code import GRANULARITIES, SEPARATOR, Code
from gram_jax.core.atomic import atomic_directory
from gram_jax.core.digest import digest_arrays, digest_texts
from gram_jax.core.errors import ArtifactError

_RANK = {name: rank for rank, name in enumerate(GRANULARITIES)}
_FILES = ("codes.jsonl", "product_ids.json", "postings.npz", "digest.json")


@dataclasses.dataclass(frozen=True, eq=False)
class CodeTable:
    """Codes sorted by text, and their postings as compressed rows.

    Args:
      codes: unique, sorted by text; the index of a code is its code_id.
      posting_starts: int32 [codes + 1]; code c's postings are `posting_starts[c]` up to
        `posting_starts[c + 1]`. No code is without a product.
      posting_products: int32 [postings], product indices, rising within a code.
      product_ids: the external key of every product index.
      digest: of all of the above; computed when left out.

    Raises:
      ValueError: any of this does not hold.
    """

    codes: tuple[Code, ...]
    posting_starts: np.ndarray
    posting_products: np.ndarray
    product_ids: tuple[str, ...]
    digest: str = ""

    def __post_init__(self):
        for name in ("posting_starts", "posting_products"):
            array = getattr(self, name)
            if array.dtype != np.int32 or array.ndim != 1:
                raise ValueError(f"{name} is {array.dtype} with {array.ndim} axes, not int32 [n]")
        _check(self)
        if not self.digest:
            object.__setattr__(self, "digest", _digest(self))

    @classmethod
    def build(cls, postings: Mapping[Code, Iterable[int]],
              product_ids: Iterable[str]) -> "CodeTable":
        """A table from the product indices of every code, in any order and with repeats."""
        codes = tuple(sorted(postings))
        rows = []
        for code in codes:
            row = postings[code]
            rows.append(np.unique(np.fromiter(row, np.int32) if not isinstance(row, np.ndarray)
                                  else row.astype(np.int32)))
        starts = np.zeros(len(codes) + 1, np.int32)
        np.cumsum([len(row) for row in rows], out=starts[1:])
        products = np.concatenate(rows) if rows else np.zeros(0, np.int32)
        return cls(codes, starts, products, tuple(product_ids))

    @property
    def num_codes(self) -> int:
        """How many codes there are."""
        return len(self.codes)

    @property
    def num_postings(self) -> int:
        """How many (code, product) pairs there are."""
        return len(self.posting_products)

    def postings(self, code_id: int) -> np.ndarray:
        """The product indices under a code, rising: int32 [products of the code]."""
        if not 0 <= code_id < self.num_codes:
            raise ValueError(f"code_id {code_id} is not among {self.num_codes} codes")
        start, end = self.posting_starts[code_id:code_id + 2]
        return self.posting_products[start:end]

    def codes_of(self, product_index: int) -> np.ndarray:
        """The code_ids of a product, rising: int32 [codes of the product]."""
        if not 0 <= product_index < len(self.product_ids):
            raise ValueError(f"product {product_index} is not among {len(self.product_ids)}")
        starts, codes = self._by_product
        return codes[starts[product_index]:starts[product_index + 1]]

    @functools.cached_property
    def posting_codes(self) -> np.ndarray:
        """The code_id of every posting, beside `posting_products`: int32 [postings]."""
        sizes = np.diff(self.posting_starts)
        return np.repeat(np.arange(self.num_codes, dtype=np.int32), sizes)

    @functools.cached_property
    def codes_per_product(self) -> np.ndarray:
        """How many codes each product is under: int32 [products]."""
        counts = np.bincount(self.posting_products, minlength=len(self.product_ids))
        return counts.astype(np.int32)

    @functools.cached_property
    def granularities(self) -> np.ndarray:
        """Each code's granularity as its place in `GRANULARITIES`: int8 [codes]."""
        return np.array([_RANK[code.granularity] for code in self.codes], np.int8)

    @functools.cached_property
    def id_of_text(self) -> Mapping[str, int]:
        """code_id by the code's text."""
        return {code.text: code_id for code_id, code in enumerate(self.codes)}

    @functools.cached_property
    def _by_product(self) -> tuple[np.ndarray, np.ndarray]:
        starts = np.zeros(len(self.product_ids) + 1, np.int32)
        np.cumsum(self.codes_per_product, out=starts[1:])
        order = np.argsort(self.posting_products, kind="stable")  # codes stay rising
        return starts, self.posting_codes[order]

    def united(self, codes: np.ndarray, products: np.ndarray, *,
               new_product_ids: Iterable[str] = ()) -> "CodeTable":
        """The same codes with further postings, each posting once.

        Args:
          codes: int [n], the code_id of each further posting, in any order and with repeats.
          products: int [n], the product index beside it.
          new_product_ids: products to append to those there are.

        Raises:
          ValueError: a code or a product is not there, or a product_id is there twice.
        """
        product_ids = (*self.product_ids, *new_product_ids)
        for name, found, count in (("code", codes, self.num_codes),
                                   ("product", products, len(product_ids))):
            if len(found) and not 0 <= found.min() <= found.max() < count:
                raise ValueError(f"a further posting names a {name} outside {count}")
        stride = max(len(product_ids), 1)
        keys = np.union1d(self.posting_codes.astype(np.int64) * stride + self.posting_products,
                          codes.astype(np.int64) * stride + products)
        posting_codes, posting_products = np.divmod(keys, stride)
        starts = np.searchsorted(posting_codes, np.arange(self.num_codes + 1))
        return CodeTable(self.codes, starts.astype(np.int32), posting_products.astype(np.int32),
                         product_ids)

    def save(self, folder: str | os.PathLike) -> None:
        """Writes the table as a folder, whole or not at all."""
        codes_file, ids_file, arrays_file, digest_file = _FILES
        with atomic_directory(folder) as fresh:
            with open(fresh / codes_file, "w", encoding="utf-8", newline="\n") as stream:
                for code in self.codes:
                    stream.write(json.dumps(code.values, ensure_ascii=False) + "\n")
            (fresh / ids_file).write_text(json.dumps(self.product_ids), encoding="utf-8")
            np.savez(fresh / arrays_file, posting_starts=self.posting_starts,
                     posting_products=self.posting_products)
            (fresh / digest_file).write_text(json.dumps({"digest": self.digest}), encoding="utf-8")

    @classmethod
    def load(cls, folder: str | os.PathLike) -> "CodeTable":
        """Reads what `save` wrote.

        Raises:
          ArtifactError: a file is missing or damaged, or the content is not what was written.
        """
        codes_path, ids_path, arrays_path, digest_path = (Path(folder) / name for name in _FILES)
        try:
            with open(codes_path, encoding="utf-8", newline="\n") as stream:
                codes = tuple(_code_of_row(json.loads(line)) for line in stream)
            product_ids = tuple(json.loads(ids_path.read_text(encoding="utf-8")))
            with np.load(arrays_path, allow_pickle=False) as arrays:
                starts, products = arrays["posting_starts"], arrays["posting_products"]
            digest = json.loads(digest_path.read_text(encoding="utf-8"))["digest"]
            table = cls(codes, starts, products, product_ids)
        except OSError as error:
            raise ArtifactError(f"{folder}: cannot read the code table ({error})") from error
        except Exception as error:  # zip, JSON and validation errors share no narrower base
            raise ArtifactError(f"{folder}: the code table is damaged ({error})") from error
        if table.digest != digest:
            raise ArtifactError(f"{folder}: the code table is not the one that was written "
                                f"(digest {table.digest}, expected {digest})")
        return table


def _code_of_row(row: list) -> Code:
    values = tuple((attribute, value) for attribute, value in row)
    return Code(SEPARATOR.join(value for _, value in values), values)


def _check(table: CodeTable) -> None:
    texts = [code.text for code in table.codes]
    starts, products = table.posting_starts, table.posting_products
    if any(a >= b for a, b in itertools.pairwise(texts)):
        raise ValueError("codes are not sorted and unique by text")
    if len(starts) != len(texts) + 1 or starts[0] != 0 or starts[-1] != len(products):
        raise ValueError(f"posting_starts does not divide {len(products)} postings among "
                         f"{len(texts)} codes")
    if np.any(np.diff(starts) < 1):
        raise ValueError(f"code {texts[int(np.argmax(np.diff(starts) < 1))]!r} has no product")
    if len(set(table.product_ids)) != len(table.product_ids):
        raise ValueError("a product_id is there twice")
    if len(products) and not 0 <= products.min() <= products.max() < len(table.product_ids):
        raise ValueError(f"a posting names a product outside {len(table.product_ids)}")
    rises = np.diff(products) > 0
    rises[starts[1:-1] - 1] = True  # from the last product of a code to the first of the next
    if not rises.all():
        raise ValueError("the products of a code do not rise")


def _digest(table: CodeTable) -> str:
    values = (part for code in table.codes for value in code.values for part in value)
    return digest_texts([
        digest_texts(code.text for code in table.codes), digest_texts(values),
        digest_texts(table.product_ids),
        digest_arrays({"starts": table.posting_starts, "products": table.posting_products})])
