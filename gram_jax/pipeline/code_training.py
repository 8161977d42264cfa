"""Training the two code generators as one model: what every stage that does so shares.

Knows where a workdir keeps the examples of SeqIO's tasks; nothing of what comes before or after.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gin
import jax
from jax.sharding import Mesh

from gram_jax.catalog.shop import read_shop
from gram_jax.codes.code_table import CodeTable
from gram_jax.core.errors import ConfigError
from gram_jax.models.config import ModelConfig
from gram_jax.models.objectives import Objective, code_generation_objective
from gram_jax.models.params import Params, logical_axes
from gram_jax.partitioning.partitioner import Partitioner
from gram_jax.partitioning.rules import DEFAULT_AXIS_RULES, AxisRules
from gram_jax.pipeline.training_view import METRICS, training_view
from gram_jax.pipeline.tune_queries import tune_queries
from gram_jax.retrieval.beam_recall import BeamRecall
from gram_jax.retrieval.index import spell_codes
from gram_jax.text.vocabulary_files import StoredVocabulary, load_vocabulary
from gram_jax.training.metric_watch import MetricWatch, WatchSettings
from gram_jax.training.optimizers import Optimizer
from gram_jax.training.throughput import Throughput, work_counter

if TYPE_CHECKING:
    from gram_jax.training.hooks import EvaluationHook
    from gram_jax.training.profiling import ProfiledSteps

_TOKENS = ("encoder_input_tokens", "decoder_target_tokens")
_SEARCHED_TOGETHER = 64  # or as many more as it takes to split them over all devices


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
      num_tune_queries: tune queries for which codes are searched meanwhile, to measure what they
        find ('tune/recall@k', see `retrieval.beam_recall`); 0 searches none.
      tune_beam_size: codes of each.
      tune_depths: the k of each recall@k.
      watch: the metric that ends training early and says which step is the best; None takes the
        last.
      peak_flops: of one device, a second, against which utilisation is told; None tells none.
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
    num_tune_queries: int = 0
    tune_beam_size: int = 10
    tune_depths: Sequence[int] = (10, 100)
    watch: WatchSettings | None = None
    peak_flops: float | None = None


@dataclasses.dataclass(frozen=True)
class TrainingInputs:
    """Where a training finds what it reads.

    Args:
      examples: what the tasks learn from and are measured on.
      vocabulary_file: of the model.
      shop: whose tune queries are searched for.
      code_table: the codes that are searched.
      pseudo_queries: pseudo-queries with codes, for a mixture that has them.
    """

    examples: Path
    vocabulary_file: Path
    shop: Path
    code_table: Path
    pseudo_queries: Path | None = None

    @classmethod
    def of_stages(cls, inputs: Mapping[str, Path], examples: Path) -> "TrainingInputs":
        """Those of a stage that reads 'prepare', 'codes' and 'vocabulary'."""
        return cls(examples, inputs["vocabulary"] / "vocabulary.model", inputs["prepare"] / "shop",
                   inputs["codes"] / "table", inputs.get("pseudo_queries"))


def train_generators(settings: CodeTraining, config: ModelConfig, params: Params, *, folder: Path,
                     inputs: TrainingInputs, description: str = "train",
                     profiled: "ProfiledSteps | None" = None
                     ) -> tuple[Params, Mapping[str, Any]]:
    """Trains from `params`, or goes on from the latest checkpoint in the folder.

    Args:
      settings: how.
      config: the model's sizes.
      params: where a run without checkpoint starts.
      folder: gets checkpoints, metrics.jsonl, TensorBoard's files and a trace.
      inputs: what is read.
      description: what the progress bar says.
      profiled: steps to trace.

    Returns:
      The parameters after the last step, or after the best where one is watched for, on the host;
      and counts and last metrics for people.

    Raises:
      ConfigError: the mixture is unknown or has no examples, a target has tokens that the model
        has no logits for, or a metric is watched that is not measured.
      TrainingError: the loss is not finite.
      Interrupted: a signal came; what was done is saved.
    """
    # Both load stacks (TensorFlow, orbax) that no stage needs that does not train.
    from gram_jax.data.iterators import make_batches
    from gram_jax.data.registry import import_task_modules
    from gram_jax.training import trainer

    _point_tasks_at(inputs)
    import_task_modules(settings.task_modules)
    vocabulary = load_vocabulary(inputs.vocabulary_file)
    batches = make_batches(
        settings.mixture_or_task_name, input_buckets=settings.input_buckets,
        target_buckets=settings.target_buckets, codes_per_text=settings.codes_per_text,
        **_data(settings))
    check_targets(batches.largest_target, config)
    objective = code_generation_objective(config, z_loss=settings.z_loss,
                                          label_smoothing=settings.label_smoothing)
    mesh = settings.mesh()
    evaluations = _evaluations(settings, config, objective, vocabulary, inputs,
                               Partitioner(mesh, settings.axis_rules))
    watch = None if settings.watch is None else MetricWatch(settings.watch)
    peak = None if settings.peak_flops is None else settings.peak_flops * mesh.size
    with training_view(description, settings.num_steps, folder, profiled) as view:
        state = trainer.train(
            objective=objective, params=params, logical_axes=logical_axes(config),
            optimizer=settings.optimizer, batches=batches, num_steps=settings.num_steps,
            seed=settings.seed, mesh=mesh, axis_rules=settings.axis_rules,
            checkpoint_dir=str(folder / "checkpoints"),
            checkpoint_every=settings.checkpoint_every, log_every=settings.log_every,
            num_microbatches=settings.num_microbatches, hooks=[*view.hooks, *evaluations],
            metric_writer=view.metric_writer, watch=watch,
            throughput=Throughput(work_counter(objective, params, _TOKENS), peak),
            metadata={"vocabulary": vocabulary.digest, "model": config.identity()})
    steps = settings.num_steps if watch is None or not watch.stops else watch.last_step
    counts = {"steps": steps, "texts": steps * settings.batch_size,
              "available_examples": batches.num_examples, **last_metrics(folder),
              **_watched(watch, steps < settings.num_steps)}
    return jax.device_get(state.params), counts


def _data(settings: CodeTraining) -> dict[str, Any]:
    return {"task_feature_lengths": settings.task_feature_lengths,
            "batch_size": settings.batch_size, "seed": settings.seed}


def _evaluations(settings: CodeTraining, config: ModelConfig, objective: Objective,
                 vocabulary: StoredVocabulary, inputs: TrainingInputs,
                 partitioner: Partitioner) -> "list[EvaluationHook]":
    """What is measured on the tune split while training: likelihood, and what codes find."""
    from gram_jax.data.iterators import make_batches
    from gram_jax.training.hooks import EvaluationHook, objective_evaluation

    hooks, measured = [], []
    if settings.tune_task_name is not None:
        tune = make_batches(settings.tune_task_name, split="tune", **_data(settings))
        hooks.append(EvaluationHook(objective_evaluation(objective, tune.one_pass),
                                    settings.evaluate_every))
        measured += ["loss", "accuracy", "z_loss"]
    queries = (tune_queries(read_shop(inputs.shop), settings.num_tune_queries)
               if settings.num_tune_queries else None)
    if queries is not None:
        table = CodeTable.load(inputs.code_table)
        recall = BeamRecall(
            config=config, trie=spell_codes(table, vocabulary), code_table=table,
            vocabulary=vocabulary, queries=queries, beam_size=settings.tune_beam_size,
            depths=settings.tune_depths, partitioner=partitioner,
            batch_size=_SEARCHED_TOGETHER + -_SEARCHED_TOGETHER % partitioner.mesh.size,
            max_input_length=settings.task_feature_lengths["inputs"])
        hooks.append(EvaluationHook(recall, settings.evaluate_every))
        measured += recall.names
    names = [f"tune/{name}" for name in measured]
    if settings.watch is not None and settings.watch.metric not in names:
        raise ConfigError(
            f"WatchSettings.metric is '{settings.watch.metric}', but what is measured while "
            f"training is: {', '.join(names) or 'nothing'}. Name one of these; recall needs "
            "CodeTraining.num_tune_queries and tune queries with relevant products")
    return hooks


def _watched(watch: MetricWatch | None, early: bool) -> dict[str, Any]:
    """What a watch saw, for the manifest."""
    if watch is None:
        return {}
    return {"ended_early": early, "best_step": watch.best_step,
            f"best {watch.settings.metric}": watch.best_value}


def check_targets(largest: int, config: ModelConfig) -> None:
    """Raises a ConfigError where the largest token of the targets has no logit."""
    if largest >= config.output_vocab_size:
        raise ConfigError(f"targets hold token {largest}, but the model has logits for "
                          f"{config.output_vocab_size} only: the vocabulary was renumbered for "
                          "codes. Bind build_vocabulary.generate_texts = True to train on others")


def last_metrics(folder: Path) -> dict[str, float]:
    """The latest loss and accuracy, in training and on tune examples, and recall, that a run wrote.
    """
    last: dict[str, float] = {}
    path = folder / METRICS
    if path.exists():  # process 0 alone writes it
        for line in path.read_text(encoding="utf-8").splitlines():
            last |= json.loads(line)
    return {name: value for name, value in last.items()
            if name in ("loss", "accuracy", "tune/loss", "tune/accuracy", "tune/reach")
            or name.startswith("tune/recall@")}


def _point_tasks_at(inputs: TrainingInputs) -> None:
    """Tells the SeqIO tasks where to find their files."""
    with gin.unlock_config():
        gin.bind_parameter("code_examples_folder.path", str(inputs.examples))
        gin.bind_parameter("vocabulary_file.path", str(inputs.vocabulary_file))
        if inputs.pseudo_queries is not None:
            gin.bind_parameter("pseudo_queries_folder.path", str(inputs.pseudo_queries))
