"""The compiled retrieve programs of one model: which sizes there are, warming them, and the index
they answer from while it changes.

Knows token rows and indexes; nothing of texts. A program is compiled once for each bucket, that is
for each batch size with each query length. The index is an argument: one of the same capacities
takes the place of another between two requests. One that needs more room is made ready in a thread
of its own, in which every bucket that is in use compiles, while the one before it answers.
"""

import concurrent.futures
import dataclasses
import threading
from collections.abc import Iterable

import jax
import numpy as np

from gram_jax.core.errors import ArtifactError, ConfigError
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params
from gram_jax.retrieval.buckets import Buckets, check_tokens
from gram_jax.retrieval.device_index import DeviceIndex, device_index
from gram_jax.retrieval.index import RetrievalIndex
from gram_jax.retrieval.retrieve import Results, RetrieveSettings, retrieve
from gram_jax.retrieval.scoring import ScoringHead
from gram_jax.trie.capacity import capacity_class


@dataclasses.dataclass(frozen=True, eq=False)
class Serving:
    """An index as its owner knows it, and the same on the device."""

    index: RetrievalIndex
    on_device: DeviceIndex


class RetrievePrograms:
    """Answers rows of query tokens.

    Args:
      config: sizes of the model.
      params: its parameters.
      index: built with these parameters.
      scoring: how products are scored.
      beam_size: codes a query.
      num_products: products a query; a request for more compiles a program of its own.
      buckets: sizes to compile for.

    Raises:
      ConfigError: the trie has tokens that the model lacks.
    """

    def __init__(self, config: ModelConfig, params: Params, index: RetrievalIndex,
                 scoring: ScoringHead, *, beam_size: int, num_products: int, buckets: Buckets):
        if index.trie.vocab_size > config.vocab_size:
            raise ConfigError(f"the index has tokens below {index.trie.vocab_size}, the model "
                              f"only below {config.vocab_size}")
        self.buckets = buckets
        self._config, self._scoring = config, scoring
        self._params = jax.device_put(params)
        self._settings = RetrieveSettings(beam_size=beam_size, num_products=num_products,
                                          head=scoring.head, reduce=scoring.reduce)
        self._serving = self._prepared(index)
        self._ready: set[tuple[tuple[int, int], RetrieveSettings]] = set()
        self._lock = threading.Lock()
        self._num_swaps = 0

    @property
    def serving(self) -> Serving:
        """The index that answers now; a request takes it once and stays with it."""
        return self._serving

    def run(self, query_tokens: np.ndarray, *, k: int, serving: Serving | None = None) -> Results:
        """The answers to a batch.

        Args:
          query_tokens: int [rows, length], EOS included, 0 is padding; rows and lengths in any
            number that a bucket holds.
          k: products a query.
          serving: what to answer from; by default what serves now.

        Returns:
          `Results` of NumPy arrays, [rows, k]; an index without codes finds nothing.

        Raises:
          InputError: these are not rows of the model's tokens.
          ConfigError: no bucket holds them, or `k` is not positive.
        """
        if k < 1:
            raise ConfigError(f"k is {k}; it must be at least 1")
        check_tokens(query_tokens, self._config.vocab_size)
        settings = self._settings_for(k)
        ready = {shape for shape, known in self._ready_now() if known == settings}
        results = jax.device_get(self._call(self.buckets.pad(query_tokens, ready), settings,
                                            (serving or self._serving).on_device))
        rows = jax.tree.map(lambda array: array[:len(query_tokens)], results)
        return dataclasses.replace(rows, **{
            name: getattr(rows, name)[:, :k] for name in ("products", "scores", "codes")})

    def warm(self, shapes: Iterable[tuple[int, int]] | None = None, *, k: int = 1) -> None:
        """Compiles the programs of these buckets, or of all, that are not there yet.

        A request is answered by the smallest program that is there, if any holds it: so the more
        are warm, the less is padding, and none that is large enough waits for a smaller one.
        """
        settings = self._settings_for(k)
        for shape in self.buckets.shapes if shapes is None else shapes:
            if (shape, settings) not in self._ready_now():
                self._warm_one(shape, settings, self._serving.on_device)

    def swap(self, index: RetrievalIndex) -> concurrent.futures.Future:
        """Has another index answer: at once where it fits the programs there are, else as soon as
        those that are in use have been compiled for its capacities.

        Returns:
          A future that is done when the index answers; its result says whether programs were
          compiled. Of several swaps the last one wins.

        Raises:
          ArtifactError: the index was built with other parameters.
        """
        before = self._serving
        if index.params_digest != before.index.params_digest:
            raise ArtifactError(
                f"the index was built with parameters {index.params_digest}, this model has "
                f"{before.index.params_digest}; build it again")
        with self._lock:
            self._num_swaps += 1
            number = self._num_swaps
        fresh = self._prepared(index, before.on_device)
        done: concurrent.futures.Future = concurrent.futures.Future()
        if fresh.on_device.capacities == before.on_device.capacities:
            self._install(fresh, number)
            done.set_result(False)
            return done
        threading.Thread(target=self._compile_and_install, args=(fresh, number, done),
                         name="compile retrieve programs", daemon=True).start()
        return done

    def _prepared(self, index: RetrievalIndex, before: DeviceIndex | None = None) -> Serving:
        return Serving(index, jax.device_put(device_index(
            index, self._scoring, beam_size=self._settings.beam_size,
            room_of=None if before is None else before.capacities)))

    def _compile_and_install(self, fresh: Serving, number: int,
                             done: concurrent.futures.Future) -> None:
        try:
            compiled: set = set()
            # A bucket may come into use while others compile.
            while missing := self._ready_now() - compiled:
                for shape, settings in missing:
                    self._warm_one(shape, settings, fresh.on_device)
                compiled |= missing
            self._install(fresh, number)
            done.set_result(True)
        except BaseException as error:  # the thread has no caller: whoever waits gets it
            done.set_exception(error)

    def _ready_now(self) -> set[tuple[tuple[int, int], RetrieveSettings]]:
        with self._lock:
            return set(self._ready)

    def _install(self, fresh: Serving, number: int) -> None:
        with self._lock:
            if number == self._num_swaps:
                self._serving = fresh

    def _settings_for(self, k: int) -> RetrieveSettings:
        if k <= self._settings.num_products:
            return self._settings
        return dataclasses.replace(self._settings, num_products=capacity_class(k))

    def _warm_one(self, shape: tuple[int, int], settings: RetrieveSettings,
                  index: DeviceIndex) -> None:
        # Rows of padding are no queries: the program runs, and has nothing to do.
        jax.block_until_ready(self._call(np.zeros(shape, np.int32), settings, index))

    def _call(self, rows: np.ndarray, settings: RetrieveSettings, index: DeviceIndex) -> Results:
        results = retrieve(self._params, index, rows, config=self._config, settings=settings)
        with self._lock:
            self._ready.add((rows.shape, settings))
        return results
