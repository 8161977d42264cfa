"""relevance: a model, learned from clicks, that says which products' texts suit a query's."""

import dataclasses
import json
from collections.abc import Callable, Mapping

import gin
import jax
from jax.sharding import Mesh

from gram_jax.alignment.negatives import NegativeSettings
from gram_jax.alignment.relevance_batches import RelevanceBatches
from gram_jax.alignment.text_relevance import TextRelevance
from gram_jax.alignment.word_book import WordBook
from gram_jax.catalog.shop import read_shop
from gram_jax.codes.code_table import CodeTable
from gram_jax.core.atomic import atomic_file
from gram_jax.evaluation.auc import best_cut
from gram_jax.models.config import RelevanceConfig
from gram_jax.models.params import Params, count_params, init_params, logical_axes
from gram_jax.models.relevance_objective import relevance_objective
from gram_jax.pipeline.relevance_data import ClickData
from gram_jax.pipeline.relevance_report import PairScores, areas
from gram_jax.pipeline.stage import StageContext
from gram_jax.pipeline.training_view import training_view


@gin.configurable
def train_relevance(context: StageContext, *, model: RelevanceConfig = gin.REQUIRED,
                    negatives: NegativeSettings = gin.REQUIRED, optimizer=gin.REQUIRED,
                    mesh: Callable[[], Mesh] = gin.REQUIRED, batch_size: int = gin.REQUIRED,
                    num_steps: int = gin.REQUIRED, seed: int = gin.REQUIRED,
                    held_out_share: float = 0.1, checkpoint_every: int = 500,
                    log_every: int = 50) -> Mapping[str, object]:
    """Trains from the start or from the latest checkpoint, and reports.

    Learned from the clicks of train queries, less a share that is held out by the hash of their
    texts. report.json has the areas under the ROC curve of the model, of BM25 and of word overlap:
    on the held-out clicks, and on the grades of tune and test queries where there are any. Where
    tune queries have grades, the cut between relevant and not is chosen on them, and otherwise on
    the held-out clicks.

    Args:
      context: where to read and write.
      model: the network's sizes.
      negatives: what stands beside a clicked product.
      optimizer: a `training.optimizers.Optimizer`.
      mesh: makes the device mesh.
      batch_size: clicked products a step.
      num_steps: steps of the whole run.
      seed: of the parameters, the order of the data, the negatives and the dropout.
      held_out_share: share of the train queries that are not learned from.
      checkpoint_every: steps between checkpoints.
      log_every: steps between rows of metrics.jsonl.

    Raises:
      ConfigError: there are no clicks to learn from, or none is held out.
      TrainingError: the loss is not finite.
      Interrupted: a signal came; what was done is saved.
    """
    data = ClickData.of_shop(
        read_shop(context.inputs["prepare"] / "shop"),
        CodeTable.load(context.inputs["codes"] / "table"), negatives,
        held_out_share=held_out_share, progress=context.progress)
    words = WordBook.count(data.product_texts, model.num_ngrams)
    params = _train(context, model, optimizer, mesh(), RelevanceBatches(
        *data.taught, data.negatives, data.query_texts, data.product_texts, words,
        batch_size=batch_size, seed=seed), num_steps=num_steps, seed=seed,
        checkpoint_every=checkpoint_every, log_every=log_every)

    relevance, tests = TextRelevance(model, params, words), data.tests(seed=seed)
    measured = PairScores(relevance, data.bm25, [query.text for query in data.shop.queries],
                          data.product_texts)
    scores = {name: measured.of(pairs) for name, pairs in tests.items()}
    cut_on = "tune grades" if "tune grades" in tests else "held-out clicks"
    relevance.cut = best_cut(scores[cut_on]["relevance model"], tests[cut_on].is_good)
    relevance.save(context.folder)
    found = {name: areas(pairs, scores[name]) for name, pairs in tests.items()}
    with atomic_file(context.folder / "report.json") as stream:
        json.dump(found | {"cut": relevance.cut, "cut_on": cut_on}, stream, indent=2)
    return {"steps": num_steps, "parameters": count_params(params),
            "clicks": len(data.taught[0]),
            "auc": {name: {way: figures["auc"] for way, figures in test.items()
                           if isinstance(figures, Mapping)} for name, test in found.items()}}


def _train(context: StageContext, config: RelevanceConfig, optimizer, mesh: Mesh,
           batches: RelevanceBatches, *, num_steps: int, seed: int, checkpoint_every: int,
           log_every: int) -> Params:
    """The parameters after the last step."""
    # They load a stack (orbax) that no stage needs that does not train.
    from gram_jax.training import trainer

    with training_view("relevance", num_steps, context.folder, context.profiled) as view:
        state = trainer.train(
            objective=relevance_objective(config), params=init_params(config, seed),
            logical_axes=logical_axes(config), optimizer=optimizer, batches=batches,
            num_steps=num_steps, seed=seed, mesh=mesh, hooks=view.hooks,
            checkpoint_dir=str(context.folder / "checkpoints"),
            checkpoint_every=checkpoint_every, log_every=log_every,
            metric_writer=view.metric_writer,
            metadata={"model": dataclasses.asdict(config)})
    return jax.device_get(state.params)
