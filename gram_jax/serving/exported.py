"""Runs exported retrieve programs. Knows nothing of the model that they were made from.

Without this module, in any process that has JAX:

    arrays = dict(numpy.load("arrays.npz"))
    program = jax.export.deserialize(open("retrieve_1x24.jaxprogram", "rb").read())
    found = jax.jit(program.call)(arrays, query_tokens)     # int32 [1, 24], EOS, then 0

whose `products` and `codes` are places in products.json and codes.json, -1 for none.
"""

import json
from pathlib import Path

import jax
import jax.export
import numpy as np

from gram_jax.core.digest import digest_files
from gram_jax.core.errors import ArtifactError, ConfigError
from gram_jax.retrieval.buckets import Buckets, check_tokens

ARRAYS, FACTS, PRODUCTS, CODES, VOCABULARY = (
    "arrays.npz", "export.json", "products.json", "codes.json", "vocabulary.model")


def program_name(batch_size: int, query_length: int) -> str:
    """The file of a bucket's program."""
    return f"retrieve_{batch_size}x{query_length}.jaxprogram"


class ExportedRetriever:
    """Answers rows of query tokens; a program is loaded when its bucket is first needed.

    Attributes:
      facts: what export.json says of the programs.
      product_ids: by product number.
      codes: texts by code number.

    Args:
      folder: what `export.export_snapshot` wrote.

    Raises:
      ArtifactError: something is missing or damaged.
    """

    def __init__(self, folder: Path):
        try:
            self.facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
            self.product_ids = json.loads((folder / PRODUCTS).read_text(encoding="utf-8"))
            self.codes = json.loads((folder / CODES).read_text(encoding="utf-8"))
            if digest_files(folder / ARRAYS) != self.facts["arrays_digest"]:
                raise ArtifactError(f"{folder / ARRAYS} is not what was exported: export again")
            with np.load(folder / ARRAYS, allow_pickle=False) as arrays:
                self._arrays = jax.device_put(dict(arrays))
            self._buckets = Buckets(*(tuple(self.facts[name])
                                      for name in ("batch_sizes", "query_lengths")))
        except (OSError, ValueError, KeyError) as error:
            raise ArtifactError(f"{folder} is no whole export ({error!r}): export again") from error
        self._folder = folder
        self._programs = {}

    def retrieve(self, query_tokens: np.ndarray, *, k: int | None = None) -> dict[str, np.ndarray]:
        """The answers to a batch.

        Args:
          query_tokens: int [rows, length], EOS included, 0 is padding.
          k: products a query; by default as many as the programs give.

        Returns:
          products, scores and codes [rows, k], best first, -1, -inf and -1 where there are fewer;
          beam_codes, beam_log_probs [rows, beam], beam_tokens and beam_token_log_probs [rows,
          beam, length], -1, -inf, 0 and 0 likewise.

        Raises:
          InputError: these are not rows of the model's tokens.
          ConfigError: no program is as large as what is asked for.
          ArtifactError: the program is missing or cannot run here.
        """
        most = self.facts["num_products"]
        if k is not None and not 1 <= k <= most:
            raise ConfigError(f"k is {k}; these programs give 1 to {most} products")
        check_tokens(query_tokens, self.facts["vocab_size"])
        padded = self._buckets.pad(query_tokens)
        found = jax.device_get(self._program(padded.shape)(self._arrays, padded))
        found = {name: array[:len(query_tokens)] for name, array in found.items()}
        return found | {name: found[name][:, :k] for name in ("products", "scores", "codes")}

    def _program(self, shape: tuple[int, int]):
        if shape not in self._programs:
            path = self._folder / program_name(*shape)
            platform = jax.default_backend()
            if platform not in self.facts["platforms"]:
                raise ArtifactError(f"{self._folder} was exported for "
                                    f"{', '.join(self.facts['platforms'])}, not for {platform}")
            try:
                exported = jax.export.deserialize(bytearray(path.read_bytes()))
            except Exception as error:  # a damaged file fails in many ways
                raise ArtifactError(f"{path} cannot be loaded by JAX {jax.__version__} ({error}); "
                                    f"it was made by {self.facts['versions']}") from error
            self._programs[shape] = jax.jit(exported.call)
        return self._programs[shape]
