"""Endless batches of preferences, in an order that depends on the seed alone.

Epoch e draws for every winner a mined code of its query and of its product, deals the winners into
buckets by the longest of their codes, and visits the batches in a permutation drawn from
(seed, e). So a place in the data is an epoch and the number of a batch in it.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from gram_jax.codes.code_rows import CodeRows
from gram_jax.codes.preferences import NONE
from gram_jax.core.batch import PreferenceBatch
from gram_jax.core.data_place import check_place
from gram_jax.core.digest import digest_arrays, digest_texts
from gram_jax.core.errors import ConfigError
from gram_jax.data.preference_store import PreferenceStore
from gram_jax.text.encoding import without_padding


@dataclasses.dataclass(frozen=True, eq=False)
class PreferenceTokens:
    """What the model reads and writes, as tokens with EOS, padded with 0.

    Args:
      queries: int32 [queries, length], beside `PreferenceStore.query_ids`, with their prompt.
      products: int32 [products, length], beside `PreferenceStore.product_ids`, likewise.
      codes: int32 [codes, length].
    """

    queries: np.ndarray
    products: np.ndarray
    codes: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class MinedCodes:
    """What the SFT term teaches: rows beside the store's queries and products."""

    of_queries: CodeRows
    of_products: CodeRows


class PreferenceBatches(Iterator[PreferenceBatch]):
    """Checkpointable batches of the winners of a store.

    Args:
      store: preferences with the log-probabilities before alignment; every winner has a loser.
      tokens: of its texts and codes.
      mined: codes to teach besides, or None to teach none.
      with_positives: whether batches hold the other right codes of a winner's pair.
      batch_size: winners a batch.
      seed: of the order and of the draws, not negative.
      code_buckets: lengths of codes, rising, that batches are cut to besides the longest.

    Raises:
      ConfigError: there is no preference, or a setting makes no sense.
    """

    def __init__(self, store: PreferenceStore, tokens: PreferenceTokens, *,
                 mined: MinedCodes | None, with_positives: bool, batch_size: int, seed: int,
                 code_buckets: Sequence[int] = ()):
        if batch_size < 1 or seed < 0:
            raise ConfigError(f"batch_size is {batch_size} and seed {seed}: 1 and 0 at least")
        if list(code_buckets) != sorted({max(length, 2) for length in code_buckets}):
            raise ConfigError(f"code_buckets are {code_buckets}: rising lengths, 2 at least")
        if not len(store.preferences.winners):
            raise ConfigError("no clicked pair has a code that wins and one that loses: train "
                              "longer before aligning, or bind PreferenceSettings.mined_winners "
                              "= True")
        self._store, self._mined = store, mined
        self._tokens = PreferenceTokens(*(
            without_padding(getattr(tokens, field.name))
            for field in dataclasses.fields(tokens)))
        preferences = store.preferences
        self._pairs = preferences.pairs
        self._positives = preferences.positives[:, :None if with_positives else 0]
        self._code_lengths = (self._tokens.codes > 0).sum(axis=1)
        longest = self._tokens.codes.shape[1]
        self._buckets = np.array([*(end for end in code_buckets if end < longest), longest])
        self._batch_size, self._seed = batch_size, seed
        self._stream = self._digest(with_positives, code_buckets)
        self._go_to(0, 0)

    @property
    def num_winners(self) -> int:
        """How many winners there are."""
        return len(self._pairs)

    @property
    def batches_per_epoch(self) -> int:
        """How many batches this epoch has; others differ by a few."""
        return len(self._plan)

    def __next__(self) -> PreferenceBatch:
        if self._number == len(self._plan):
            self._go_to(self._epoch + 1, 0)
        rows, length = self._plan[self._number]
        self._number += 1
        return self._gather(rows, length, self._taught)

    def one_pass(self, num_winners: int | None = None) -> Iterator[PreferenceBatch]:
        """Winners once each, for measuring; the last batch is filled with weight 0.

        Args:
          num_winners: so many drawn by the seed; None takes all.
        """
        rows = self._permuted(0)[:num_winners]
        taught = self._drawn(0)
        for start in range(0, len(rows), self._batch_size):
            part = rows[start:start + self._batch_size]
            batch = self._gather(np.resize(part, self._batch_size), int(self._buckets[-1]), taught)
            counts = np.arange(self._batch_size)[:, None] < len(part)
            yield dataclasses.replace(
                batch, weights=np.where(counts, batch.weights, np.float32(0)))

    def position(self) -> dict:
        """The place in the data, as JSON."""
        return {"epoch": self._epoch, "number": self._number, "stream": self._stream}

    def seek(self, position: Mapping) -> None:
        """Goes on from where `position()` was taken, bit for bit.

        Raises:
          ArtifactError: the position belongs to other data or to other settings.
        """
        check_place(position, self._stream, data="preferences", doing="align",
                    settings="codes, preferences, buckets, batch_size or seed")
        self._go_to(position["epoch"], position["number"])

    def _go_to(self, epoch: int, number: int) -> None:
        self._epoch, self._number = epoch, number
        self._taught = self._drawn(epoch)
        rows = self._permuted(epoch)
        bucket = np.searchsorted(self._buckets, self._longest(rows, self._taught))
        plan = []
        for place, length in enumerate(self._buckets.tolist()):
            of_bucket = rows[bucket == place]
            full = -(-len(of_bucket) // self._batch_size) * self._batch_size
            if full:
                plan += [(part, length) for part in
                         np.split(np.resize(of_bucket, full), full // self._batch_size)]
        order = np.random.default_rng([self._seed, 1, epoch]).permutation(len(plan))
        self._plan = [plan[place] for place in order]

    def _permuted(self, epoch: int) -> np.ndarray:
        return np.random.default_rng([self._seed, 2, epoch]).permutation(self.num_winners)

    def _drawn(self, epoch: int) -> np.ndarray:
        """A mined code of every winner's query and product: int32 [winners, 2, 0 or 1]."""
        if self._mined is None:
            return np.full((self.num_winners, 2, 0), NONE, np.int32)
        shares = np.random.default_rng([self._seed, 3, epoch]).random((self.num_winners, 2))
        drawn = np.full((self.num_winners, 2, 1), NONE, np.int32)
        sides = ((self._mined.of_queries, self._store.pair_queries),
                 (self._mined.of_products, self._store.pair_products))
        for side, (mined, text_of_pair) in enumerate(sides):
            texts = text_of_pair[self._pairs]
            sizes = np.diff(mined.starts)[texts]
            has = sizes > 0
            place = mined.starts[texts] + (shares[:, side] * sizes).astype(np.int64)
            drawn[has, side, 0] = mined.codes[place[has]]
        return drawn

    def _longest(self, rows: np.ndarray, taught: np.ndarray) -> np.ndarray:
        """Tokens of the longest code of each of some winners: int64 [rows]."""
        preferences = self._store.preferences
        codes = np.concatenate([
            preferences.winners[rows, None], self._positives[rows], preferences.losers[rows],
            taught[rows].reshape(len(rows), -1)], axis=1)
        return np.where(codes != NONE, self._code_lengths[codes], 0).max(axis=1)

    def _gather(self, rows: np.ndarray, length: int, taught: np.ndarray) -> PreferenceBatch:
        preferences, store = self._store.preferences, self._store
        queries = store.pair_queries[self._pairs[rows]]
        products = store.pair_products[self._pairs[rows]]
        codes = np.concatenate([preferences.winners[rows, None], self._positives[rows],
                                preferences.losers[rows]], axis=1)
        tokens, num_positives = self._spelled(codes, length), self._positives.shape[1]
        reference = np.stack([store.of_queries.find(queries, codes),
                              store.of_products.find(products, codes)], axis=1)
        ids = (f"{store.query_ids[query]} {store.product_ids[product]}"
               for query, product in zip(queries.tolist(), products.tolist()))
        return PreferenceBatch(
            query_tokens=self._tokens.queries[queries],
            product_tokens=self._tokens.products[products],
            winner_tokens=tokens[:, 0], positive_tokens=tokens[:, 1:1 + num_positives],
            loser_tokens=tokens[:, 1 + num_positives:],
            reference_log_probs=reference[..., :length],
            weights=preferences.weights[rows],
            query_code_tokens=self._spelled(taught[rows, 0], length),
            product_code_tokens=self._spelled(taught[rows, 1], length),
            example_ids=tuple(ids))

    def _spelled(self, codes: np.ndarray, length: int) -> np.ndarray:
        """int32 [..., length] tokens of codes; zeros where there is none."""
        return np.where(codes[..., None] != NONE, self._tokens.codes[codes, :length], np.int32(0))

    def _digest(self, with_positives: bool, code_buckets: Sequence[int]) -> str:
        preferences = self._store.preferences
        arrays = {"pairs": preferences.pairs, "winners": preferences.winners,
                  "losers": preferences.losers, "weights": preferences.weights,
                  "queries": self._store.pair_queries, "products": self._store.pair_products,
                  "positives": self._positives, "codes": self._tokens.codes,
                  "query_tokens": self._tokens.queries, "product_tokens": self._tokens.products}
        if self._mined is not None:
            for name, mined in (("of_queries", self._mined.of_queries),
                                ("of_products", self._mined.of_products)):
                arrays |= {f"{name}.starts": mined.starts, f"{name}.codes": mined.codes}
        return digest_texts([digest_arrays(arrays), self._store.table_digest,
                             self._store.params_digest, str(with_positives),
                             f"{self._batch_size} {self._seed} {list(code_buckets)}"])
