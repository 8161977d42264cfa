"""cotrain: the generators propose codes, relevance drops what does not fit, both learn the rest.

Method section 2, steps (2) to (5), for some rounds. Every step leaves something in the stage's
folder when it is done, so that a kill loses the step at work and no more:

    before.json                  how the model that the first round starts from does
    round-1/generated/NAME       what the generators wrote for 'queries' and 'products'
    round-1/examples             training examples with what was kept
    round-1/training             checkpoints and metrics while it trains
    round-1/params.npz           what came of it
    round-1/report.json          the round's effect
"""

import dataclasses
import functools
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import gin

from gram_jax.alignment.cotraining import CotrainingSettings
from gram_jax.alignment.text_relevance import TextRelevance
from gram_jax.catalog.shop import Shop, read_shop
from gram_jax.codes.code_table import CodeTable
from gram_jax.codes.generated_codes import GeneratedCodes
from gram_jax.codes.quality import reach
from gram_jax.core.atomic import atomic_file
from gram_jax.core.records import RELEVANT_GRADE, Query
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params, init_params, load_params, save_params
from gram_jax.partitioning.partitioner import Partitioner
from gram_jax.pipeline.code_training import (
    CodeTraining,
    TrainingInputs,
    last_metrics,
    train_generators,
)
from gram_jax.pipeline.cotraining_examples import (
    Judges,
    LinkedTexts,
    read_counts,
    write_augmented,
)
from gram_jax.pipeline.stage import StageContext
from gram_jax.pipeline.trained import load_trained, save_trained
from gram_jax.retrieval.code_generation import generate_codes
from gram_jax.retrieval.index import spell_codes
from gram_jax.text.prompts import product_input, query_input
from gram_jax.text.vocabulary_files import StoredVocabulary, load_vocabulary
from gram_jax.trie.code_trie import CodeTrie

_REACHED_CODES = 10
"""Codes of a tune query that are looked under for its relevant products."""


@gin.configurable
def cotrain(context: StageContext, *, rounds: int = gin.REQUIRED,
            settings: CotrainingSettings = gin.REQUIRED, training: CodeTraining = gin.REQUIRED,
            beam_size: int = gin.REQUIRED, from_scratch: bool = False,
            batch_size: int = 64) -> Mapping[str, object]:
    """Runs the rounds that are missing, and writes the parameters after the last.

    Args:
      context: where to read and write.
      rounds: how many.
      settings: what is proposed and kept.
      training: how both sides are trained together again in each round.
      beam_size: codes generated for a text; those that it has already are no proposals.
      from_scratch: whether a round's training starts anew, and not where the one before ended.
      batch_size: texts for which codes are generated together.

    Raises:
      TrainingError: the loss is not finite.
      Interrupted: a signal came; what was done is saved.
    """
    config, params = load_trained(context.inputs["train"])
    parts = _Parts.read(context, config, settings=settings, training=training,
                        beam_size=beam_size, batch_size=batch_size, from_scratch=from_scratch)
    judges = Judges.of_mined(
        context.inputs["codes"], parts.code_table, parts.linked,
        TextRelevance.load(context.inputs["relevance"]), settings, context.progress,
        kept_in=context.folder / "floors.npz")
    before = _once(context.folder / "before.json", lambda: {
        "training": last_metrics(context.inputs["train"]),
        "tune": parts.tune_reach(context.folder / "before", params)})
    reports, examples = [], context.inputs["codes"]
    for number in range(1, rounds + 1):
        folder = context.folder / f"round-{number}"
        params = parts.run_round(folder, number, examples, params, judges)
        examples = folder / "examples"
        reports.append(_once(folder / "report.json",
                             functools.partial(parts.effect, folder, params)))
    save_trained(context.folder, parts.config, params)
    report = {"relevance": _read_json(context.inputs["relevance"] / "report.json"),
              "floors": judges.floors(), "before": before, "rounds": reports}
    with atomic_file(context.folder / "report.json") as stream:
        json.dump(report, stream, indent=2)
    return {"rounds": rounds, "before": before["tune"], **{
        f"round {number}": {
            "kept": {side: done[side]["kept"] for side in ("queries", "products")},
            "tune": done["tune"]} for number, done in enumerate(reports, start=1)}}


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class _Parts:
    """What all rounds work with."""

    context: StageContext
    shop: Shop
    code_table: CodeTable
    vocabulary: StoredVocabulary
    trie: CodeTrie
    config: ModelConfig
    linked: LinkedTexts
    settings: CotrainingSettings
    training: CodeTraining
    beam_size: int
    batch_size: int
    from_scratch: bool

    @classmethod
    def read(cls, context: StageContext, config: ModelConfig, **fields) -> "_Parts":
        """Reads what the stages before have left; `fields` are those that the stage is given."""
        shop = read_shop(context.inputs["prepare"] / "shop")
        code_table = CodeTable.load(context.inputs["codes"] / "table")
        vocabulary = load_vocabulary(_vocabulary_file(context))
        return cls(context=context, shop=shop, code_table=code_table, vocabulary=vocabulary,
                   trie=spell_codes(code_table, vocabulary), config=config,
                   linked=LinkedTexts.of_shop(shop), **fields)

    def run_round(self, folder: Path, number: int, before: Path, params: Params,
                  judges: Judges) -> Params:
        """The parameters after a round that starts from some parameters and examples."""
        if not (folder / "examples").exists():
            linked, generated = self.linked, folder / "generated"
            write_augmented(
                folder / "examples", before, self.code_table, linked,
                self._generated(generated / "queries", params, linked.clicks.query_ids,
                                [query_input(text) for text in linked.query_texts]),
                self._generated(generated / "products", params, linked.product_ids,
                                [product_input(text) for text in linked.product_texts]),
                judges, self.settings)
        if not (folder / "params.npz").exists():
            training = dataclasses.replace(self.training, seed=self.training.seed + number)
            start = init_params(self.config, training.seed) if self.from_scratch else params
            learned, _ = train_generators(
                training, self.config, start, folder=folder / "training",
                inputs=TrainingInputs.of_stages(self.context.inputs, folder / "examples"),
                description=f"cotrain, round {number}", profiled=self.context.profiled)
            save_params(folder / "params.npz", learned)
        shutil.rmtree(folder / "training" / "checkpoints", ignore_errors=True)
        return load_params(folder / "params.npz", self.config)

    def effect(self, folder: Path, params: Params) -> Mapping[str, object]:
        """What a round proposed, kept and changed."""
        return {**read_counts(folder / "examples"), "training": last_metrics(folder / "training"),
                "tune": self.tune_reach(folder / "generated", params)}

    def tune_reach(self, folder: Path, params: Params) -> Mapping[str, float] | None:
        """What tune queries find under their first generated codes; None without tune queries."""
        queries = self.shop.queries_of("tune")
        relevant = _relevant(self.shop, queries)
        if not relevant:
            return None
        generated = self._generated(folder / "tune", params, [query.query_id for query in queries],
                                    [query_input(query.text) for query in queries]
                                    ).best(_REACHED_CODES)
        return reach(self.code_table, {query_id: generated.of(row)[0].tolist()
                                       for query_id, row in generated.row_of_id.items()}, relevant)

    def _generated(self, path: Path, params: Params, ids: Sequence[str],
                   inputs: Sequence[str]) -> GeneratedCodes:
        """Codes of texts, which stay in a folder when they are complete."""
        chunks = path.with_name(f"{path.name}.chunks")
        if not path.exists():
            generate_codes(
                self.config, params, self.trie, self.code_table, self.vocabulary, ids, inputs,
                beam_size=self.beam_size, batch_size=self.batch_size,
                max_input_length=self.training.task_feature_lengths["inputs"], folder=chunks,
                partitioner=Partitioner(self.training.mesh()), description=f"code {path.name}",
                progress=self.context.progress).save(path)
        shutil.rmtree(chunks, ignore_errors=True)
        return GeneratedCodes.load(path)


def _vocabulary_file(context: StageContext) -> Path:
    return context.inputs["vocabulary"] / "vocabulary.model"


def _relevant(shop: Shop, queries: Sequence[Query]) -> dict[str, list[int]]:
    """query_id -> relevant products as places in the catalogue, for queries that have any."""
    place = {product_id: at for at, product_id in enumerate(shop.product_ids)}
    qrels = shop.qrels("tune")
    found = {query.query_id: [place[product_id] for product_id, grade in
                              qrels.get(query.query_id, {}).items() if grade >= RELEVANT_GRADE]
             for query in queries}
    return {query_id: products for query_id, products in found.items() if products}


def _once(path: Path, make: Callable[[], Mapping[str, object]]) -> Mapping[str, object]:
    """What is in a JSON file, which is made when it is not there."""
    if not path.exists():
        content = make()
        with atomic_file(path) as stream:
            json.dump(content, stream, indent=2)
    return _read_json(path)


def _read_json(path: Path) -> Mapping[str, object]:
    return json.loads(path.read_text(encoding="utf-8"))
