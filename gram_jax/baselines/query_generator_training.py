"""Training a query generator: from the text of a product to a query that it was clicked for.

Batch n is a pure function of (seed, n), as for the dual encoder.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jax.sharding import Mesh

from gram_jax.baselines.query_generator import QueryGenerator
from gram_jax.baselines.training import BaselineTraining, trained_params
from gram_jax.core.batch import Batch
from gram_jax.core.clicks import ClickTable
from gram_jax.core.data_place import NumberedBatches
from gram_jax.core.digest import digest_arrays, digest_texts
from gram_jax.core.epoch_order import EpochOrder
from gram_jax.core.errors import ConfigError
from gram_jax.models.objectives import code_generation_objective
from gram_jax.text.encoding import without_padding

if TYPE_CHECKING:
    from gram_jax.training.hooks import Hook


class ClickedQueryBatches(NumberedBatches, Iterator[Batch]):
    """Checkpointable batches of clicked pairs: the product is read, the query is said.

    Args:
      clicks: a row for each query that is learned from; however often a pair was clicked, it
        comes once an epoch.
      product_tokens: int32 [products, length], `QueryGenerator.product_tokens`.
      query_targets: int32 [queries, length], `QueryGenerator.query_targets`.
      batch_size: pairs a batch.
      seed: of the order, not negative.

    Raises:
      ConfigError: there is no click, or a setting makes no sense.
      ValueError: there are other queries than targets.
    """

    data, settings = "clicked queries", "clicks, texts, batch_size or seed"

    def __init__(self, clicks: ClickTable, product_tokens: np.ndarray, query_targets: np.ndarray, *,
                 batch_size: int, seed: int):
        if batch_size < 1 or seed < 0:
            raise ConfigError(f"batch_size is {batch_size} and seed {seed}: 1 and 0 at least")
        if not len(clicks.products):
            raise ConfigError("no train query has a click: there is no pair for a query generator "
                              "to learn from")
        if len(query_targets) != clicks.num_queries:
            raise ValueError(f"targets of {len(query_targets)} queries, clicks of "
                             f"{clicks.num_queries}")
        self._rows, self._products, self._query_ids = clicks.rows, clicks.products, clicks.query_ids
        self._inputs, self._targets = map(without_padding, (product_tokens, query_targets))
        self._batch_size = batch_size
        self._order = EpochOrder(len(self._rows), seed)
        self._stream = digest_texts([f"{batch_size} {seed}", digest_arrays({
            "rows": self._rows, "products": self._products, "inputs": self._inputs,
            "targets": self._targets})])

    def __next__(self) -> Batch:
        chosen = self._order.stretch(self._number * self._batch_size, self._batch_size)
        self._number += 1
        rows, products = self._rows[chosen], self._products[chosen]
        targets = self._targets[rows]
        ids = (f"{self._query_ids[row]} {product}"
               for row, product in zip(rows.tolist(), products.tolist()))
        return Batch(encoder_input_tokens=self._inputs[products],
                     decoder_input_tokens=np.pad(targets, ((0, 0), (1, 0)))[:, :-1],
                     decoder_target_tokens=targets,
                     decoder_loss_weights=(targets > 0).astype(np.float32),
                     example_ids=tuple(ids))


def train_query_generator(generator: QueryGenerator, batches: ClickedQueryBatches,
                          training: BaselineTraining, *, mesh: Mesh, folder: Path,
                          hooks: Sequence["Hook"] = ()) -> QueryGenerator:
    """The generator after training, or after what was left of it when it was interrupted.

    Args:
      generator: where training starts.
      batches: in the tokens that the generator reads and says.
      training: how.
      mesh: the devices.
      folder: gets checkpoints and metrics.jsonl.
      hooks: called every so many steps.

    Raises:
      TrainingError, Interrupted, ArtifactError: as of `training.trained_params`.
    """
    params = trained_params(training, generator.config, generator.params,
                            code_generation_objective(generator.config), batches, mesh=mesh,
                            folder=folder, hooks=hooks)
    return dataclasses.replace(generator, params=params)
