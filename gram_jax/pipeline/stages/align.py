"""align: query and product generators learn to prefer the codes on which they meet."""

import dataclasses
import json
import shutil
from collections.abc import Callable, Mapping, Sequence

import gin
import jax
from jax.sharding import Mesh

from gram_jax.catalog.shop import read_shop
from gram_jax.codes.code_table import CodeTable
from gram_jax.codes.preferences import PreferenceSettings
from gram_jax.core.atomic import atomic_file
from gram_jax.data.preference_batches import MinedCodes, PreferenceBatches, PreferenceTokens
from gram_jax.data.preference_store import PreferenceStore
from gram_jax.models.alignment import AlignmentSettings, co_alignment_objective
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params, digest_params, logical_axes
from gram_jax.partitioning.partitioner import Partitioner
from gram_jax.pipeline.alignment_report import alignment_report
from gram_jax.pipeline.clicked_pairs import ClickedPairs, read_clicked_pairs
from gram_jax.pipeline.preference_building import PreferenceGeneration, build_store, spell
from gram_jax.pipeline.stage import StageContext
from gram_jax.pipeline.trained import load_trained, save_trained, trained_folder
from gram_jax.pipeline.training_view import training_view
from gram_jax.text.vocabulary_files import StoredVocabulary, load_vocabulary

_CHUNKS = "generated.chunks"


@gin.configurable
def align(context: StageContext, *, alignment: AlignmentSettings = gin.REQUIRED,
          preferences: PreferenceSettings = gin.REQUIRED,
          generation: PreferenceGeneration = gin.REQUIRED, optimizer=gin.REQUIRED,
          mesh: Callable[[], Mesh] = gin.REQUIRED, batch_size: int = gin.REQUIRED,
          num_steps: int = gin.REQUIRED, seed: int = gin.REQUIRED, max_pairs: int | None = None,
          code_buckets: Sequence[int] = (), num_microbatches: int = 1,
          num_measured_winners: int = 2000, checkpoint_every: int = 500,
          log_every: int = 50) -> Mapping[str, object]:
    """Builds preferences, trains on them, and writes the parameters and a report.

    An interrupted run goes on behind the last chunk of texts coded, or from the last checkpoint.

    Args:
      context: where to read and write.
      alignment: what is minimised.
      preferences: which codes win and which lose.
      generation: how the two sides' codes are generated.
      optimizer: a `training.optimizers.Optimizer`.
      mesh: makes the device mesh.
      batch_size: winners a step.
      num_steps: steps of the whole run.
      seed: of the drawn pairs and losers and of the order of the data.
      max_pairs: clicked pairs to learn from; None takes all.
      code_buckets: shorter lengths of codes that batches are cut to, besides the longest.
      num_microbatches: parts a batch is split into to save memory; gradients are summed exactly.
      num_measured_winners: winners that the report's means before and after are over.
      checkpoint_every: steps between checkpoints.
      log_every: steps between rows of metrics.jsonl.

    Raises:
      ConfigError: there are no clicks, or no clicked pair teaches anything.
      TrainingError: the loss is not finite.
      Interrupted: a signal came; what was done is saved.
    """
    shop = read_shop(context.inputs["prepare"] / "shop")
    table = CodeTable.load(context.inputs["codes"] / "table")
    vocabulary = load_vocabulary(context.inputs["vocabulary"] / "vocabulary.model")
    config, params = load_trained(trained_folder(context))
    clicked = read_clicked_pairs(shop, table, context.inputs["codes"] / "query_codes.train.jsonl",
                                 max_pairs=max_pairs, seed=seed)
    tokens = spell(clicked, table, vocabulary, generation.max_input_length)
    store, pairs = _preferences(
        context, clicked, table, vocabulary, tokens, config, params, settings=preferences,
        generation=generation, seed=seed, mesh=mesh())
    batches = PreferenceBatches(
        store, tokens, batch_size=batch_size, seed=seed, code_buckets=code_buckets,
        with_positives=alignment.multi_label_weight > 0,
        mined=MinedCodes(clicked.mined_of_queries, clicked.filed)
        if alignment.sft_weight > 0 else None)
    aligned, before, after = _train(
        context, config, params, alignment, batches, optimizer, mesh(), num_steps=num_steps,
        seed=seed, num_microbatches=num_microbatches, num_measured=num_measured_winners,
        checkpoint_every=checkpoint_every, log_every=log_every)
    report = alignment_report(pairs, before, after)
    for complaint in report["complaints"]:
        context.say(f"align: WARNING: {complaint}")
    with atomic_file(context.folder / "report.json") as stream:
        json.dump(report, stream, indent=1)
    save_trained(context.folder, config, aligned)
    shutil.rmtree(context.folder / _CHUNKS, ignore_errors=True)
    return {"steps": num_steps, **pairs, "gained": report["gained"],
            "complaints": len(report["complaints"])}


def _preferences(context: StageContext, clicked: ClickedPairs, table: CodeTable,
                 vocabulary: StoredVocabulary, tokens: PreferenceTokens,
                 config: ModelConfig, params: Params, *, settings: PreferenceSettings,
                 generation: PreferenceGeneration, seed: int,
                 mesh: Mesh) -> tuple[PreferenceStore, Mapping[str, int | float]]:
    """Preferences and the counts of their pairs, from their files where an earlier run left them.
    """
    path, counts = context.folder / "preferences.npz", context.folder / "pairs.json"
    if path.exists() and counts.exists():
        return (PreferenceStore.load(path, table_digest=table.digest,
                                     params_digest=digest_params(params)),
                json.loads(counts.read_text(encoding="utf-8")))
    store, pairs = build_store(
        clicked, table, vocabulary, tokens, config, params, settings=settings,
        generation=generation, seed=seed, partitioner=Partitioner(mesh),
        folder=context.folder / _CHUNKS, progress=context.progress)
    store.save(path)
    with atomic_file(counts) as stream:
        json.dump(pairs, stream, indent=1)
    return store, pairs


def _train(context: StageContext, config: ModelConfig, params: Params,
           alignment: AlignmentSettings, batches: PreferenceBatches, optimizer, mesh: Mesh, *,
           num_steps: int, seed: int, num_microbatches: int, num_measured: int,
           checkpoint_every: int,
           log_every: int) -> tuple[Params, Mapping[str, float], Mapping[str, float]]:
    """The parameters after the last step, and the metrics of the same winners before and after."""
    # They load a stack (orbax) that no stage needs that does not train.
    from gram_jax.training import trainer
    from gram_jax.training.hooks import objective_evaluation

    objective = co_alignment_objective(config, alignment)
    measure = objective_evaluation(objective, lambda: batches.one_pass(num_measured))
    with training_view("align", num_steps, context.folder, context.profiled) as view:
        state = trainer.train(
            objective=objective, params=params, logical_axes=logical_axes(config),
            optimizer=optimizer, batches=batches, num_steps=num_steps, seed=seed, mesh=mesh,
            checkpoint_dir=str(context.folder / "checkpoints"),
            checkpoint_every=checkpoint_every, log_every=log_every,
            num_microbatches=num_microbatches, hooks=view.hooks,
            metric_writer=view.metric_writer,
            metadata={"model": config.identity(), "reference": digest_params(params),
                      "alignment": dataclasses.asdict(alignment)})
    aligned = jax.device_get(state.params)
    return aligned, measure(params), measure(aligned)
