"""tagger: a network that marks attribute values in texts, and what it finds in the shop.

An experiment without a shop trains and reports it alone.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence

import gin
import jax
from jax.sharding import Mesh

from gram_jax.attributes.known_values import KnownValues
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.attributes.tags import TagSet
from gram_jax.attributes.word_features import WordFeatures
from gram_jax.catalog.shop import Shop, read_shop
from gram_jax.core.atomic import atomic_file
from gram_jax.core.errors import ConfigError
from gram_jax.data.annotation_files import read_annotated_titles
from gram_jax.data.tagging_batches import TaggingBatches, TaggingSource
from gram_jax.models.config import TaggerConfig
from gram_jax.models.params import count_params, init_params, logical_axes
from gram_jax.models.tagging import tagging_objective
from gram_jax.pipeline.stage import StageContext
from gram_jax.pipeline.tagging import tag_texts
from gram_jax.pipeline.tagging_report import tagging_report
from gram_jax.pipeline.tagging_sources import hold_out_texts
from gram_jax.pipeline.training_view import training_view
from gram_jax.serving.text_tagger import TextTagger

_LENGTHS = (16, 32, 64)
"""Words that training batches are padded to: few, as each is a program to compile."""


@gin.configurable
def train_tagger(context: StageContext, *, sources: Sequence[Callable] = gin.REQUIRED,
                 model: Callable[..., TaggerConfig] = gin.REQUIRED, optimizer=gin.REQUIRED,
                 mesh: Callable[[], Mesh] = gin.REQUIRED, num_ngrams: int = gin.REQUIRED,
                 batch_size: int = gin.REQUIRED, num_steps: int = gin.REQUIRED,
                 seed: int = gin.REQUIRED, tune_share: float = 0.0, test_file: str | None = None,
                 schema_file: str | None = None, checkpoint_every: int = 500,
                 evaluate_every: int = 500, log_every: int = 50) -> Mapping[str, object]:
    """Trains from the start or from the latest checkpoint, reports, and tags the shop.

    Args:
      context: where to read and write.
      sources: what to learn from: see `pipeline.tagging_sources`.
      model: makes a `TaggerConfig` when given the numbers of tags, n-grams and marks.
      optimizer: a `training.optimizers.Optimizer`.
      mesh: makes the device mesh.
      num_ngrams: rows of the table of hashed n-grams.
      batch_size: texts a step.
      num_steps: steps of the whole run.
      seed: of the parameters, the order of the data and the dropout.
      tune_share: share of the sources' texts held out by hash, to choose settings on.
      test_file: annotated titles to report on; None reports on the held-out texts alone.
      schema_file: a JSON file with the attribute types; the 16 that ship when None.
      checkpoint_every: steps between checkpoints.
      evaluate_every: steps between measurements on the held-out texts.
      log_every: steps between rows of metrics.jsonl.

    Raises:
      ConfigError: a source makes no sense or needs a shop that is not there.
      InputError: an annotated file is bad.
      TrainingError: the loss is not finite.
      Interrupted: a signal came; what was done is saved.
    """
    schema = AttributeSchema.load(schema_file)
    shop = read_shop(context.inputs["prepare"] / "shop") if "prepare" in context.inputs else None
    test = [] if test_file is None else read_annotated_titles(test_file)
    if not all(map(callable, sources)):
        raise ConfigError(f"train_tagger.sources is {sources!r}, which are no sources: bind "
                          "references in a gin file, such as (@annotated_titles,)")
    train, tune = hold_out_texts([source(shop, schema) for source in sources], tune_share)
    known = KnownValues.build((text for source in train for text in source.texts), schema.names)
    features = WordFeatures(num_ngrams, known)
    config = model(num_tags=TagSet(schema.names).num_tags, num_ngrams=num_ngrams,
                   num_marks=features.num_marks)
    params = _train(context, train, tune, schema, features, config, optimizer, mesh(),
                    batch_size=batch_size, num_steps=num_steps, seed=seed,
                    checkpoint_every=checkpoint_every, evaluate_every=evaluate_every,
                    log_every=log_every)
    tagger = TextTagger(config, params, schema, known)
    tagger.save(context.folder)
    report = {"tune": tagging_report(tagger, [text for source in tune for text in source.texts]),
              "test": tagging_report(tagger, test)}
    with atomic_file(context.folder / "report.json") as stream:
        json.dump(report, stream, indent=1)
    return {"steps": num_steps, "parameters": count_params(params),
            "texts": {source.name: len(source.texts) for source in train},
            **{f"{split} f1": round(found["all"]["micro"]["f1"], 4)
               for split, found in report.items() if found}, **_tag_shop(context, tagger, shop)}


def _train(context: StageContext, train: Sequence[TaggingSource], tune: Sequence[TaggingSource],
           schema: AttributeSchema, features: WordFeatures, config: TaggerConfig, optimizer,
           mesh: Mesh, *, batch_size: int, num_steps: int, seed: int, checkpoint_every: int,
           evaluate_every: int, log_every: int):
    """The parameters after the last step."""
    # They load a stack (orbax) that no other stage but training needs.
    from gram_jax.training import trainer
    from gram_jax.training.hooks import EvaluationHook, objective_evaluation

    tag_set = TagSet(schema.names)
    objective = tagging_objective(config, tag_set.allowed)
    data = {"batch_size": batch_size, "seed": seed, "lengths": _LENGTHS}
    batches = TaggingBatches(train, tag_set, features, **data)
    with training_view("tagger", num_steps, context.folder, context.profiled) as view:
        hooks = [*view.hooks]
        if tune:
            held_out = TaggingBatches(tune, tag_set, features, counted=False, **data)
            hooks.append(EvaluationHook(objective_evaluation(objective, held_out.one_pass),
                                        evaluate_every))
        state = trainer.train(
            objective=objective, params=init_params(config, seed),
            logical_axes=logical_axes(config), optimizer=optimizer, batches=batches,
            num_steps=num_steps, seed=seed, mesh=mesh, hooks=hooks,
            checkpoint_dir=str(context.folder / "checkpoints"),
            checkpoint_every=checkpoint_every, log_every=log_every,
            metric_writer=view.metric_writer,
            metadata={"model": dataclasses.asdict(config)})
    return jax.device_get(state.params)


def _tag_shop(context: StageContext, tagger: TextTagger, shop: Shop | None) -> dict[str, int]:
    """Tags every title and every text of a train or tune query."""
    if shop is None:
        return {}
    queries = (*shop.queries_of("train"), *shop.queries_of("tune"))
    titles = ((product.product_id, product.title) for product in shop.products)
    texts = ((query.query_id, query.text) for query in queries)
    return {f"tagged {name}": tag_texts(
                tagger, rows, context.folder / f"tags.{name}.jsonl", description=f"tag {name}",
                total=total, progress=context.progress)
            for name, rows, total in (("products", titles, len(shop.products)),
                                      ("queries", texts, len(queries)))}

