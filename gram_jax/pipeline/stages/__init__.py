"""The stages of GRAM, in the order they run: one file each, from artifacts to one artifact."""

import dataclasses

from gram_jax.pipeline.stage import Stage
from gram_jax.pipeline.stages.align import align
from gram_jax.pipeline.stages.attributes import read_attributes
from gram_jax.pipeline.stages.codes import build_codes
from gram_jax.pipeline.stages.cotrain import cotrain
from gram_jax.pipeline.stages.evaluate import evaluate
from gram_jax.pipeline.stages.index import build_index
from gram_jax.pipeline.stages.prepare import prepare
from gram_jax.pipeline.stages.pseudo_queries import make_pseudo_queries
from gram_jax.pipeline.stages.relevance import train_relevance
from gram_jax.pipeline.stages.tagger import train_tagger
from gram_jax.pipeline.stages.train import train
from gram_jax.pipeline.stages.vocabulary import build_vocabulary

_TASK_RATES = ("product_task_rate", "pseudo_query_task_rate")

_PREPARE = Stage("prepare", (), ("prepare",), prepare)
TAGGER = Stage(
    "tagger", (), ("train_tagger",), train_tagger, resumable=True, optional=True,
    # A tagger can be trained without a shop.
    optional_inputs=(dataclasses.replace(_PREPARE, optional=True),))
_RELEVANCE = Stage("relevance", ("prepare", "codes"), ("train_relevance",), train_relevance,
                   resumable=True, optional=True)
_PSEUDO_QUERIES = Stage("pseudo_queries", ("prepare", "attributes", "codes"),
                        ("make_pseudo_queries",), make_pseudo_queries, optional=True)
_COTRAIN = Stage("cotrain", ("prepare", "codes", "relevance", "vocabulary", "train"),
                 ("cotrain", *_TASK_RATES), cotrain, resumable=True, optional=True,
                 optional_inputs=(_PSEUDO_QUERIES,))
_ALIGN = Stage("align", ("prepare", "codes", "vocabulary", "train"), ("align",), align,
               resumable=True, optional=True, optional_inputs=(_COTRAIN,))

LATER_TRAININGS: tuple[Stage, ...] = (_COTRAIN, _ALIGN)
"""Optional stages that train the model further, in the order they run (`pipeline.trained`)."""

STAGES = (
    _PREPARE,
    TAGGER,
    Stage("attributes", ("prepare",), ("read_attributes",), read_attributes,
          optional_inputs=(TAGGER,)),
    Stage("codes", ("prepare", "attributes"), ("build_codes",), build_codes),
    _PSEUDO_QUERIES,
    _RELEVANCE,
    Stage("vocabulary", ("prepare", "codes"), ("build_vocabulary",), build_vocabulary),
    Stage("train", ("prepare", "codes", "vocabulary"), ("train", *_TASK_RATES), train,
          resumable=True, optional_inputs=(_PSEUDO_QUERIES,)),
    *LATER_TRAININGS,
    Stage("index", ("prepare", "codes", "vocabulary", "train"), ("build_index",), build_index,
          resumable=True, optional_inputs=LATER_TRAININGS),
    Stage("evaluate", ("prepare", "index"), ("evaluate",), evaluate),
)
