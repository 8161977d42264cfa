"""The functions that gin may bind, in one place.

The library itself knows nothing of gin. Only what imports quickly stands here: TensorFlow is
loaded by the stage that trains.
"""

import functools
from collections.abc import Callable, Mapping

import gin

from gram_jax.alignment.cotraining import CotrainingSettings
from gram_jax.alignment.negatives import NegativeSettings
from gram_jax.attributes.gazetteer_building import GazetteerSettings
from gram_jax.attributes.spelling import SpellingSettings
from gram_jax.attributes.synonym_learning import SynonymSettings
from gram_jax.catalog.datasets.esci import read_esci
from gram_jax.catalog.datasets.home_depot import read_home_depot
from gram_jax.catalog.datasets.home_depot_kaggle import read_home_depot_kaggle
from gram_jax.catalog.datasets.icecat import read_icecat
from gram_jax.catalog.datasets.wands import read_wands
from gram_jax.catalog.own_shop import read_own_shop
from gram_jax.catalog.simulator import simulate_shop
from gram_jax.codes.mining_settings import MiningSettings
from gram_jax.codes.preferences import PreferenceSettings
from gram_jax.codes.selection import (
    select_all,
    select_by_queries,
    select_by_votes,
    select_single_values,
)
from gram_jax.core.parallel import map_in_processes
from gram_jax.interop.bert import bert_encoder, bert_vocabulary
from gram_jax.interop.huggingface_t5 import (
    huggingface_t5,
    huggingface_t5_config,
    huggingface_vocabulary,
)
from gram_jax.interop.minilm import minilm_folder
from gram_jax.interop.t5x import t5x_config, t5x_params
from gram_jax.models.alignment import AlignmentSettings
from gram_jax.models.config import BertConfig, ModelConfig, RelevanceConfig, TaggerConfig
from gram_jax.partitioning.mesh import make_mesh
from gram_jax.partitioning.rules import axis_rules
from gram_jax.pipeline.beam import map_on_beam
from gram_jax.pipeline.code_training import CodeTraining
from gram_jax.pipeline.preference_building import PreferenceGeneration
from gram_jax.pipeline.pseudo_queries import PseudoQuerySettings
from gram_jax.pipeline.stages import STAGES
from gram_jax.pipeline.tagging_sources import (
    annotated_queries,
    annotated_titles,
    gazetteer_matches,
    structured_fields,
)
from gram_jax.pipeline.text_neighbors import (
    bm25_neighbors,
    fused_neighbors,
    sentence_neighbors,
)
from gram_jax.retrieval.learned_choice import LearnedHeadSettings
from gram_jax.retrieval.learned_fitting import LearnedFitSettings
from gram_jax.serving.snapshot import SearchSettings
from gram_jax.training.metric_watch import WatchSettings
from gram_jax.training.optimizers import adafactor, adamw
from gram_jax.training.schedules import warmup_constant, warmup_cosine, warmup_rsqrt
from gram_jax.training.throughput import measured_peak_flops
from tasks.settings import (
    code_examples_folder,
    product_task_rate,
    pseudo_queries_folder,
    pseudo_query_task_rate,
    vocabulary_file,
)

_LIBRARY = (read_esci, read_home_depot, read_home_depot_kaggle, read_icecat, read_own_shop,
            read_wands, simulate_shop, AlignmentSettings, BertConfig, CodeTraining,
            CotrainingSettings, GazetteerSettings, LearnedFitSettings, LearnedHeadSettings,
            MiningSettings, ModelConfig, NegativeSettings, PreferenceGeneration, PreferenceSettings,
            PseudoQuerySettings, RelevanceConfig, SearchSettings, SpellingSettings, SynonymSettings,
            TaggerConfig, WatchSettings, adafactor, adamw, annotated_queries, annotated_titles,
            axis_rules, bert_encoder, bert_vocabulary, bm25_neighbors, fused_neighbors,
            gazetteer_matches, huggingface_t5, huggingface_t5_config, huggingface_vocabulary,
            make_mesh, map_in_processes, map_on_beam, measured_peak_flops, minilm_folder,
            select_all, select_by_queries, select_by_votes, select_single_values,
            sentence_neighbors, structured_fields, t5x_config, t5x_params, warmup_constant,
            warmup_cosine, warmup_rsqrt)
_BOUND_WHERE_DEFINED = (*(stage.run for stage in STAGES), code_examples_folder,
                        product_task_rate, pseudo_queries_folder, pseudo_query_task_rate,
                        vocabulary_file)
CONFIGURABLES: Mapping[str, Callable] = {
    function.__name__: function for function in (*_LIBRARY, *_BOUND_WHERE_DEFINED)}
"""Every name that a gin file may bind."""


@functools.cache
def register() -> None:
    """Makes the names known to gin; once is enough."""
    for function in _LIBRARY:
        gin.external_configurable(function, module="gram_jax")
