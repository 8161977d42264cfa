"""Training the two code generators as one model: what every stage that does so shares.

Knows where a workdir keeps the examples of SeqIO's tasks; nothing of what comes before or after.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import gin
import jax
from jax.sharding import Mesh

from gram_jax.core.errors import ConfigError
from gram_jax.models.config import ModelConfig
from gram_jax.models.objectives import code_generation_objective
from gram_jax.models.params import Params, logical_axes
from gram_jax.partitioning.rules import DEFAULT_AXIS_RULES, AxisRules
from gram_jax.pipeline.progress import step_bar
from gram_jax.text.vocabulary_files import load_vocabulary
from gram_jax.training.optimizers import Optimizer

_METRICS = "metrics.jsonl"


@dataclasses.dataclass(frozen=True, kw_only=True)
class CodeTraining:
    """How the generators are trained.

    Args:
      optimizer: what takes the steps.
      mesh: makes the device mesh.
      axis_rules: which axes of the mesh split what.
      mixture_or_task_name: what to train on, as registered with SeqIO.
      task_modules: Python modules that register it.
      task_feature_lengths: tokens of 'inputs' and of 'targets', EOS included.
      input_buckets: shorter lengths of inputs that batches are cut to, besides the longest.
      target_buckets: the same of targets.
      batch_size: texts a step.
      codes_per_text: codes that a text teaches at once; see `data.iterators.make_batches`.
      num_steps: steps of the whole run.
      seed: of the order of the data, the dropout and, where they are drawn, the parameters.
      num_microbatches: parts a batch is split into to save memory; gradients are summed exactly.
      z_loss: weight of the squared log-normaliser.
      label_smoothing: share of the target's probability spread over the vocabulary.
      checkpoint_every: steps between checkpoints.
      evaluate_every: steps between measurements on the tune split.
      log_every: steps between rows of metrics.jsonl.
      tune_task_name: a task whose tune split is measured meanwhile; None measures nothing.
    """

    optimizer: Optimizer = gin.REQUIRED
    mesh: Callable[[], Mesh] = gin.REQUIRED
    mixture_or_task_name: str = gin.REQUIRED
    task_modules: Sequence[str] = gin.REQUIRED
    task_feature_lengths: Mapping[str, int] = gin.REQUIRED
    batch_size: int = gin.REQUIRED
    num_steps: int = gin.REQUIRED
    seed: int = gin.REQUIRED
    axis_rules: AxisRules = DEFAULT_AXIS_RULES
    codes_per_text: int = 1
    input_buckets: Sequence[int] = ()
    target_buckets: Sequence[int] = ()
    num_microbatches: int = 1
    z_loss: float = 0.0
    label_smoothing: float = 0.0
    checkpoint_every: int = 500
    evaluate_every: int = 500
    log_every: int = 50
    tune_task_name: str | None = "gram_query_to_code"


def train_generators(settings: CodeTraining, config: ModelConfig, params: Params, *, folder: Path,
                     examples_folder: Path, vocabulary_file: Path,
                     pseudo_queries_folder: Path | None = None,
                     description: str = "train") -> tuple[Params, Mapping[str, Any]]:
    """Trains from `params`, or goes on from the latest checkpoint in the folder.

    Args:
      settings: how.
      config: the model's sizes.
      params: where a run without checkpoint starts.
      folder: gets checkpoints, metrics.jsonl and TensorBoard's files.
      examples_folder: what the tasks learn from and are measured on.
      vocabulary_file: of the model.
      pseudo_queries_folder: pseudo-queries with codes, for a mixture that has them.
      description: what the progress bar says.

    Returns:
      The parameters after the last step, on the host, and counts and last metrics for people.

    Raises:
      ConfigError: the mixture is unknown or has no examples, or a target has tokens that the
        model has no logits for.
      TrainingError: the loss is not finite.
      Interrupted: a signal came; what was done is saved.
    """
    # Both load stacks (TensorFlow, orbax) that no stage needs that does not train.
    from gram_jax.data.iterators import make_batches
    from gram_jax.data.registry import import_task_modules
    from gram_jax.training import trainer
    from gram_jax.training.hooks import EvaluationHook, ProgressHook, objective_evaluation
    from gram_jax.training.metric_writer import (
        JsonlMetricWriter,
        MetricWriters,
        TensorBoardMetricWriter,
    )

    _point_tasks_at(examples_folder, vocabulary_file, pseudo_queries_folder)
    import_task_modules(settings.task_modules)
    data = {"task_feature_lengths": settings.task_feature_lengths,
            "batch_size": settings.batch_size, "seed": settings.seed}
    batches = make_batches(
        settings.mixture_or_task_name, input_buckets=settings.input_buckets,
        target_buckets=settings.target_buckets, codes_per_text=settings.codes_per_text, **data)
    check_targets(batches.largest_target, config)
    objective = code_generation_objective(config, z_loss=settings.z_loss,
                                          label_smoothing=settings.label_smoothing)
    with step_bar(description, settings.num_steps) as show:
        hooks = [ProgressHook(show)]
        if settings.tune_task_name is not None:
            tune = make_batches(settings.tune_task_name, split="tune", **data)
            hooks.append(EvaluationHook(objective_evaluation(objective, tune.one_pass),
                                        settings.evaluate_every))
        state = trainer.train(
            objective=objective, params=params, logical_axes=logical_axes(config),
            optimizer=settings.optimizer, batches=batches, num_steps=settings.num_steps,
            seed=settings.seed, mesh=settings.mesh(), axis_rules=settings.axis_rules,
            checkpoint_dir=str(folder / "checkpoints"),
            checkpoint_every=settings.checkpoint_every, log_every=settings.log_every,
            num_microbatches=settings.num_microbatches, hooks=hooks,
            metric_writer=MetricWriters([JsonlMetricWriter(folder / _METRICS),
                                         TensorBoardMetricWriter(folder / "tensorboard")]),
            metadata={"vocabulary": load_vocabulary(vocabulary_file).digest,
                      "model": config.identity()})
    counts = {"steps": settings.num_steps, "texts": settings.num_steps * settings.batch_size,
              "available_examples": batches.num_examples, **last_metrics(folder)}
    return jax.device_get(state.params), counts


def check_targets(largest: int, config: ModelConfig) -> None:
    """Raises a ConfigError where the largest token of the targets has no logit."""
    if largest >= config.output_vocab_size:
        raise ConfigError(f"targets hold token {largest}, but the model has logits for "
                          f"{config.output_vocab_size} only: the vocabulary was renumbered for "
                          "codes. Bind build_vocabulary.generate_texts = True to train on others")


def last_metrics(folder: Path) -> dict[str, float]:
    """The latest loss and accuracy, in training and on tune examples, that a run wrote."""
    last: dict[str, float] = {}
    for line in (folder / _METRICS).read_text(encoding="utf-8").splitlines():
        last |= json.loads(line)
    return {name: last[name] for name in ("loss", "accuracy", "tune/loss", "tune/accuracy")
            if name in last}


def _point_tasks_at(examples_folder: Path, vocabulary_file: Path,
                    pseudo_queries_folder: Path | None) -> None:
    """Tells the SeqIO tasks where to find their files."""
    with gin.unlock_config():
        gin.bind_parameter("code_examples_folder.path", str(examples_folder))
        gin.bind_parameter("vocabulary_file.path", str(vocabulary_file))
        if pseudo_queries_folder is not None:
            gin.bind_parameter("pseudo_queries_folder.path", str(pseudo_queries_folder))
