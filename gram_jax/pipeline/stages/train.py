"""train: the two code generators as one model, on the SeqIO mixture of their tasks."""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence

import gin
import jax
from jax.sharding import Mesh

from gram_jax.models.config import ModelConfig
from gram_jax.models.objectives import code_generation_objective
from gram_jax.models.params import count_params, init_params, logical_axes
from gram_jax.pipeline.progress import step_bar
from gram_jax.pipeline.stage import StageContext
from gram_jax.pipeline.trained import save_trained
from gram_jax.text.vocabulary import SentencePieceVocabulary


@gin.configurable
def train(context: StageContext, *, model: Callable[..., ModelConfig] = gin.REQUIRED,
          optimizer=gin.REQUIRED, mesh: Callable[[], Mesh] = gin.REQUIRED,
          mixture_or_task_name: str = gin.REQUIRED, task_modules: Sequence[str] = gin.REQUIRED,
          task_feature_lengths: Mapping[str, int] = gin.REQUIRED,
          target_buckets: Sequence[int] = (), batch_size: int = gin.REQUIRED,
          num_steps: int = gin.REQUIRED, seed: int = gin.REQUIRED, num_microbatches: int = 1,
          z_loss: float = 0.0, label_smoothing: float = 0.0, checkpoint_every: int = 500,
          evaluate_every: int = 500, log_every: int = 50,
          tune_task_name: str | None = "gram_query_to_code") -> Mapping[str, object]:
    """Trains from the start or from the latest checkpoint, and writes the parameters.

    Args:
      context: where to read and write.
      model: makes a `ModelConfig` when given the vocabulary's size.
      optimizer: a `training.optimizers.Optimizer`.
      mesh: makes the device mesh.
      mixture_or_task_name: what to train on.
      task_modules: Python modules that register it.
      task_feature_lengths: tokens of 'inputs' and of 'targets', EOS included.
      target_buckets: shorter lengths of targets that batches are cut to, besides the longest.
      batch_size: examples a step.
      num_steps: steps of the whole run.
      seed: of the parameters, the order of the data and the dropout.
      num_microbatches: parts a batch is split into to save memory; gradients are summed exactly.
      z_loss: weight of the squared log-normaliser.
      label_smoothing: share of the target's probability spread over the vocabulary.
      checkpoint_every: steps between checkpoints.
      evaluate_every: steps between measurements on the tune split.
      log_every: steps between rows of metrics.jsonl.
      tune_task_name: a task whose tune split is measured meanwhile; None measures nothing.

    Raises:
      TrainingError: the loss is not finite.
      Interrupted: a signal came; what was done is saved.
    """
    # Both load stacks (TensorFlow, orbax) that no other stage needs.
    from gram_jax.data.iterators import make_batches
    from gram_jax.data.registry import import_task_modules
    from gram_jax.training import trainer
    from gram_jax.training.hooks import EvaluationHook, ProgressHook, objective_evaluation
    from gram_jax.training.metric_writer import (
        JsonlMetricWriter,
        MetricWriters,
        TensorBoardMetricWriter,
    )

    vocabulary_file = context.workdir.require("vocabulary") / "vocabulary.model"
    vocabulary = SentencePieceVocabulary.load(vocabulary_file)
    config = model(vocab_size=vocabulary.vocab_size)
    objective = code_generation_objective(config, z_loss=z_loss, label_smoothing=label_smoothing)
    _point_tasks_at(context, vocabulary_file)
    import_task_modules(task_modules)
    data = {"task_feature_lengths": task_feature_lengths, "batch_size": batch_size, "seed": seed}
    batches = make_batches(mixture_or_task_name, target_buckets=target_buckets, **data)

    with step_bar("train", num_steps) as show:
        hooks = [ProgressHook(show)]
        if tune_task_name is not None:
            tune = make_batches(tune_task_name, split="tune", **data)
            hooks.append(EvaluationHook(objective_evaluation(objective, tune.one_pass),
                                        evaluate_every))
        params = init_params(config, seed)
        state = trainer.train(
            objective=objective, params=params, logical_axes=logical_axes(config),
            optimizer=optimizer, batches=batches, num_steps=num_steps, seed=seed, mesh=mesh(),
            checkpoint_dir=str(context.folder / "checkpoints"), checkpoint_every=checkpoint_every,
            log_every=log_every, num_microbatches=num_microbatches, hooks=hooks,
            metric_writer=MetricWriters([
                JsonlMetricWriter(context.folder / "metrics.jsonl"),
                TensorBoardMetricWriter(context.folder / "tensorboard")]),
            metadata={"vocabulary": vocabulary.digest, "model": dataclasses.asdict(config)})

    save_trained(context.folder, config, jax.device_get(state.params))
    return {"steps": num_steps, "examples": num_steps * batch_size,
            "available_examples": batches.num_examples, "parameters": count_params(params),
            **_last_metrics(context.folder / "metrics.jsonl")}


def _point_tasks_at(context: StageContext, vocabulary_file) -> None:
    """Tells the SeqIO tasks where this workdir keeps their files."""
    with gin.unlock_config():
        gin.bind_parameter("code_examples_folder.path", str(context.workdir.require("codes")))
        gin.bind_parameter("vocabulary_file.path", str(vocabulary_file))


def _last_metrics(path) -> dict[str, float]:
    last: dict[str, float] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        last |= json.loads(line)
    return {name: last[name] for name in ("loss", "accuracy", "tune/loss", "tune/accuracy")
            if name in last}
