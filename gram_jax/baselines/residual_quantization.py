"""Residual quantisation: a vector as a few codewords, each for what those before it left over.

TIGER (arXiv 2305.05065) and LC-Rec (arXiv 2311.09049) learn the codebooks with an autoencoder
around them (RQ-VAE), which they start by k-means. Here k-means alone learns them, level by level,
which GRID (arXiv 2507.22224) has beside RQ-VAE as RQ-KMeans: there is no network to train, no
codebook that collapses, and one result for a seed.

In NumPy: it is done once for a catalogue, and the nearest codeword must not hang on the precision
of an accelerator's products. Knows vectors; nothing of products, ids or tokens.
"""

import dataclasses
import os
from pathlib import Path

import numpy as np

from gram_jax.baselines.kmeans import kmeans, nearest_centroids
from gram_jax.core.atomic import atomic_file
from gram_jax.core.digest import digest_arrays
from gram_jax.core.errors import ArtifactError


@dataclasses.dataclass(frozen=True, eq=False)
class ResidualQuantizer:
    """The codebooks of all levels.

    Args:
      codebooks: float32 [levels, codewords, d], finite.

    Raises:
      ValueError: they are not.
    """

    codebooks: np.ndarray

    def __post_init__(self):
        found = self.codebooks
        if found.dtype != np.float32 or found.ndim != 3 or 0 in found.shape:
            raise ValueError(f"codebooks are {found.dtype} {found.shape}, not float32 "
                             "[levels, codewords, d]")
        if not np.isfinite(found).all():
            raise ValueError("codebooks hold values that are not finite")

    @property
    def num_levels(self) -> int:
        """Codewords of a vector."""
        return self.codebooks.shape[0]

    @property
    def num_codewords(self) -> int:
        """Codewords of a level to choose from."""
        return self.codebooks.shape[1]

    @property
    def digest(self) -> str:
        """Short name of the exact codebooks."""
        return digest_arrays({"codebooks": self.codebooks})

    def encode(self, embeddings: np.ndarray) -> np.ndarray:
        """At each level the nearest codeword to what is left: int32 [n, levels].

        Args:
          embeddings: float [n, d].

        Raises:
          ValueError: they are not of that shape, or not finite.
        """
        left = checked_embeddings(embeddings, self.codebooks.shape[2]).copy()
        codewords = np.zeros((len(left), self.num_levels), np.int32)
        for level, codebook in enumerate(self.codebooks):
            codewords[:, level] = nearest_centroids(left, codebook)
            left -= codebook[codewords[:, level]]
        return codewords

    def reconstruct(self, codewords: np.ndarray) -> np.ndarray:
        """The sum of the first codewords of each vector.

        Args:
          codewords: int [n, at most levels].

        Returns:
          float32 [n, d]; zeros of no codewords.
        """
        found = np.zeros((len(codewords), self.codebooks.shape[2]), np.float32)
        for codebook, chosen in zip(self.codebooks, codewords.T):
            found += codebook[chosen]
        return found

    def distances(self, embeddings: np.ndarray, prefixes: np.ndarray) -> np.ndarray:
        """How far each codeword of a level is from what the levels before it left over.

        Args:
          embeddings: float [n, d].
          prefixes: int [n, level], the codewords of the levels before.

        Returns:
          float64 [n, codewords], squared.
        """
        left = np.asarray(embeddings, np.float64) - self.reconstruct(prefixes)
        codebook = self.codebooks[prefixes.shape[1]].astype(np.float64)
        squares = np.square(left).sum(1)[:, None] + np.square(codebook).sum(1)
        return np.maximum(squares - 2 * left @ codebook.T, 0.0)

    def errors(self, embeddings: np.ndarray, codewords: np.ndarray) -> np.ndarray:
        """The mean squared norm of what is left after 0, 1, ... all levels.

        Args:
          embeddings: float [n, d].
          codewords: int [n, levels], of `encode` or of a choice that differs from it.

        Returns:
          float64 [levels + 1].
        """
        left = np.asarray(embeddings, np.float64)
        return np.array([np.square(left - self.reconstruct(codewords[:, :level])).sum(1).mean()
                         for level in range(codewords.shape[1] + 1)])

    def save(self, path: str | os.PathLike) -> None:
        """Writes the codebooks as an .npz file."""
        with atomic_file(path, "wb") as stream:
            np.savez(stream, codebooks=self.codebooks)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "ResidualQuantizer":
        """Reads what `save` wrote.

        Raises:
          ArtifactError: missing or damaged.
        """
        try:
            with np.load(Path(path), allow_pickle=False) as file:
                return cls(file["codebooks"])
        except Exception as error:  # zip and validation errors share no narrower base
            raise ArtifactError(f"{path}: these are no codebooks, or they are damaged ({error})"
                                ) from error


def fit_residual_quantizer(embeddings: np.ndarray, *, num_levels: int, num_codewords: int,
                           seed: int, num_iterations: int = 25,
                           max_training_points: int | None = None,
                           progress=lambda iterable, description, total: iterable
                           ) -> ResidualQuantizer:
    """Learns the codebooks, each by k-means of what the levels before it left over.

    The same arguments on the same machine give the same codebooks.

    Args:
      embeddings: float [n, d], at least one.
      num_levels: codewords of a vector; TIGER has 3, LC-Rec 4.
      num_codewords: of each level; both have 256. With fewer different vectors some stay unused.
      seed: of the draws.
      num_iterations: steps of each k-means, at most.
      max_training_points: vectors that each level learns from; None takes 256 a codeword.
      progress: shown over the levels.

    Raises:
      ValueError: the embeddings are not of that shape or not finite, or a number is not positive.
    """
    if min(num_levels, num_codewords, num_iterations) < 1:
        raise ValueError(f"num_levels={num_levels}, num_codewords={num_codewords} and "
                         f"num_iterations={num_iterations} must be at least 1")
    left = checked_embeddings(embeddings).copy()
    codebooks = []
    for level in progress(range(num_levels), "quantise embeddings", num_levels):
        codebook = kmeans(left, num_codewords, rng=np.random.default_rng([seed, level]),
                          num_iterations=num_iterations, max_training_points=max_training_points)
        left -= codebook[nearest_centroids(left, codebook)]
        codebooks.append(codebook)
    return ResidualQuantizer(np.stack(codebooks))


def checked_embeddings(embeddings: np.ndarray, size: int | None = None) -> np.ndarray:
    """The embeddings as float32 [n, d].

    Raises:
      ValueError: they have another shape, there are none, or they are not finite.
    """
    found = np.asarray(embeddings)
    if found.ndim != 2 or not np.issubdtype(found.dtype, np.floating) or 0 in found.shape:
        raise ValueError(f"embeddings are {found.dtype} {found.shape}, not float [products, d]")
    if size is not None and found.shape[1] != size:
        raise ValueError(f"embeddings have {found.shape[1]} dimensions; the codebooks have {size}")
    if not np.isfinite(found).all():
        raise ValueError("embeddings hold values that are not finite")
    return found.astype(np.float32)
