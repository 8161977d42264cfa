"""Semantic ids: every product is named by the codewords of its embedding, and no two alike.

TIGER (arXiv 2305.05065) tells products with the same codewords apart by one further token. LC-Rec
(arXiv 2311.09049) avoids most of that: where products would share an id, the last level is shared
out evenly among them, so that it still says what they look like. Both are here, the second
optional, and what is left after it gets the token.

An id is spelled in words that no shop uses, one for each codeword of each level, 'sid0c017 sid1c203
sid2c044', and a further level for the token of TIGER, so that it goes wherever the text of a code
goes. Words of a level are equally long: none begins another. Knows embeddings and product ids;
nothing of vocabularies, training or search.
"""

import collections
import dataclasses
import functools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from gram_jax.baselines.balanced_assignment import balanced_assignment
from gram_jax.baselines.residual_quantization import ResidualQuantizer
from gram_jax.codes.code import Code
from gram_jax.codes.code_table import CodeTable
from gram_jax.core.atomic import atomic_file
from gram_jax.core.errors import ArtifactError

ATTRIBUTE = "semantic_id"
"""The attribute type under which a code table files an id."""

NO_SUFFIX = -1
"""The suffix of a product that its codewords alone name."""


@dataclasses.dataclass(frozen=True, eq=False)
class SemanticIds:
    """The semantic id of every product of a catalogue.

    Args:
      product_ids: external keys, unique.
      codewords: int32 [products, levels], from 0 to num_codewords - 1.
      suffixes: int32 [products], NO_SUFFIX or what tells products with the same codewords apart.
      num_codewords: codewords of a level to choose from.

    Raises:
      ValueError: any of this does not hold, or two products have the same id.
    """

    product_ids: tuple[str, ...]
    codewords: np.ndarray
    suffixes: np.ndarray
    num_codewords: int

    def __post_init__(self):
        codewords, suffixes, count = self.codewords, self.suffixes, len(self.product_ids)
        if (codewords.dtype, suffixes.dtype) != (np.int32, np.int32) or codewords.ndim != 2 \
                or not codewords.shape[1] or len(codewords) != count or suffixes.shape != (count,):
            raise ValueError(f"codewords are {codewords.dtype} {codewords.shape} and suffixes "
                             f"{suffixes.dtype} {suffixes.shape}, not int32 [products, levels] and "
                             f"int32 [products] of {count} products")
        if count and not (codewords.min() >= 0 and codewords.max() < self.num_codewords
                          and suffixes.min() >= NO_SUFFIX):
            raise ValueError(f"a codeword is outside 0 .. {self.num_codewords - 1}, or a suffix "
                             f"below {NO_SUFFIX}")
        if len(set(self.product_ids)) != count:
            raise ValueError("a product_id is there twice")
        if len(np.unique(np.column_stack([codewords, suffixes]), axis=0)) != count:
            raise ValueError("two products have the same semantic id")

    @property
    def num_levels(self) -> int:
        """Codewords of an id, the suffix not counted."""
        return self.codewords.shape[1]

    @property
    def num_suffixes(self) -> int:
        """Suffixes that occur: 0 up to one less."""
        return int(self.suffixes.max(initial=NO_SUFFIX)) + 1

    @functools.cached_property
    def words(self) -> tuple[str, ...]:
        """Every word that an id can have, level by level and the suffixes last.

        Codewords that no product has are among them, so that products that come later can be
        named without another vocabulary.
        """
        sizes = [self.num_codewords] * self.num_levels + [self.num_suffixes]
        return tuple(word for level, size in enumerate(sizes) for word in _words(level, size))

    @functools.cached_property
    def texts(self) -> tuple[str, ...]:
        """The id of every product, its words joined by a space."""
        levels = [_words(level, self.num_codewords) for level in range(self.num_levels)]
        endings = _words(self.num_levels, self.num_suffixes)
        rows = zip(self.codewords.tolist(), self.suffixes.tolist())
        return tuple(" ".join([
            *(words[codeword] for words, codeword in zip(levels, row)),
            *([] if suffix == NO_SUFFIX else [endings[suffix]])]) for row, suffix in rows)

    def code_table(self) -> CodeTable:
        """The ids as codes, each with its one product under it."""
        return CodeTable.build({Code(text, ((ATTRIBUTE, text),)): [product]
                                for product, text in enumerate(self.texts)}, self.product_ids)

    def figures(self) -> Mapping[str, float]:
        """How well the ids name: for manifests and people.

        `shared` is the share of products whose codewords alone do not name them, `used_codewords`
        and `perplexity` (the exponential of the entropy) are of each level.
        """
        counts = [np.bincount(column, minlength=self.num_codewords) / max(len(column), 1)
                  for column in self.codewords.T]
        return {
            "products": len(self.product_ids),
            "shared": float((self.suffixes != NO_SUFFIX).mean()) if self.product_ids else 0.0,
            "num_suffixes": self.num_suffixes,
            **{f"used_codewords_{level}": int((share > 0).sum())
               for level, share in enumerate(counts)},
            **{f"perplexity_{level}": float(np.exp(-sum(p * np.log(p) for p in share if p > 0)))
               for level, share in enumerate(counts)},
        }

    def save(self, path: str | os.PathLike) -> None:
        """Writes the ids as an .npz file."""
        with atomic_file(path, "wb") as stream:
            np.savez(stream, product_ids=np.array(self.product_ids, np.str_),
                     codewords=self.codewords, suffixes=self.suffixes,
                     num_codewords=np.int64(self.num_codewords))

    @classmethod
    def load(cls, path: str | os.PathLike) -> "SemanticIds":
        """Reads what `save` wrote.

        Raises:
          ArtifactError: missing or damaged.
        """
        try:
            with np.load(Path(path), allow_pickle=False) as file:
                return cls(tuple(file["product_ids"].tolist()), file["codewords"],
                           file["suffixes"], int(file["num_codewords"]))
        except Exception as error:  # zip and validation errors share no narrower base
            raise ArtifactError(f"{path}: these are no semantic ids, or they are damaged ({error})"
                                ) from error


def assign_semantic_ids(
        quantizer: ResidualQuantizer, embeddings: np.ndarray, product_ids: Sequence[str], *,
        balance_last_level: bool = True,
        progress=lambda iterable, description, total: iterable) -> SemanticIds:
    """Names every product by its embedding.

    Args:
      quantizer: fitted on these embeddings or on others of the kind.
      embeddings: float [products, d].
      product_ids: their external keys, unique.
      balance_last_level: LC-Rec's way: where products of the same codewords but the last share
        that one too, it is chosen for all of these anew, none twice as long as there are enough.
        Without it, TIGER's: the nearest codeword, whoever else has it.
      progress: shown over the groups whose last level is chosen anew.

    Returns:
      Ids that differ. Products whose codewords do not, have suffixes in the order of the products.

    Raises:
      ValueError: the embeddings do not fit the quantizer or the product_ids.
    """
    codewords = quantizer.encode(embeddings)
    if len(codewords) != len(product_ids):
        raise ValueError(f"{len(codewords)} embeddings for {len(product_ids)} products")
    if balance_last_level:
        groups = _colliding_groups(codewords)
        for members in progress(groups, "share out the last level", len(groups)):
            costs = quantizer.distances(embeddings[members], codewords[members, :-1])
            codewords[members, -1] = balanced_assignment(costs)
    return SemanticIds(tuple(product_ids), codewords, collision_suffixes(codewords),
                       quantizer.num_codewords)


def collision_suffixes(codewords: np.ndarray) -> np.ndarray:
    """0, 1, ... for rows that others repeat, NO_SUFFIX for the rest: int32 [rows].

    Args:
      codewords: int [rows, levels].
    """
    order, group = _grouped(codewords)
    sizes = np.bincount(group)
    place = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    suffixes = np.full(len(codewords), NO_SUFFIX, np.int32)
    shared = sizes[group[order]] > 1
    suffixes[order[shared]] = place[shared]
    return suffixes


def _colliding_groups(codewords: np.ndarray) -> list[np.ndarray]:
    """The rows that agree in all levels but the last, where two of them agree in that one too."""
    collides = collision_suffixes(codewords) != NO_SUFFIX
    rows_of: dict[bytes, list[int]] = collections.defaultdict(list)
    for row, prefix in enumerate(np.ascontiguousarray(codewords[:, :-1])):
        rows_of[prefix.tobytes()].append(row)
    return [members for rows in rows_of.values()
            if len(rows) > 1 and collides[members := np.array(rows)].any()]


def _grouped(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The order of rows by their group of equals, and the number of each one's group."""
    _, group = np.unique(rows, axis=0, return_inverse=True)
    group = group.reshape(-1)
    return np.argsort(group, kind="stable"), group


def _words(level: int, size: int) -> list[str]:
    width = len(str(max(size - 1, 0)))
    return [f"sid{level}c{number:0{width}}" for number in range(size)]
