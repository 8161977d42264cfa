"""index: the product side of every posting, the scoring head, and the snapshot that serves."""

import json
from collections.abc import Mapping

import gin

from gram_jax.catalog.shop import Shop, read_shop
from gram_jax.codes.code_table import CodeTable
from gram_jax.codes.examples import product_text
from gram_jax.core.atomic import atomic_file
from gram_jax.core.digest import digest_texts
from gram_jax.core.records import Query
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import load_params
from gram_jax.pipeline.stage import StageContext
from gram_jax.retrieval import index as indexing
from gram_jax.retrieval.head_choice import choose_head
from gram_jax.retrieval.scoring import ScoringHead
from gram_jax.serving.snapshot import SearchSettings, Snapshot, save_snapshot
from gram_jax.text.vocabulary import SentencePieceVocabulary


@gin.configurable
def build_index(context: StageContext, *, search: SearchSettings = gin.REQUIRED,
                max_product_length: int = gin.REQUIRED, batch_size: int = 256,
                num_fit_queries: int = 1000, num_tune_queries: int = 1000) -> Mapping[str, object]:
    """Builds the index, learns the scoring weights, and writes the snapshot.

    Weights are learned by the margin loss on train queries; the head that is kept is the one
    with the better recall on tune queries. A shop without tune queries has the plain sum.

    Args:
      context: where to read and write.
      search: beam size and shapes of the search programs.
      max_product_length: tokens of a product's text, EOS included.
      batch_size: postings computed together.
      num_fit_queries: train queries that the scoring weights are learned on.
      num_tune_queries: tune queries that the head is chosen on.
    """
    workdir = context.workdir
    shop = read_shop(workdir.require("prepare") / "shop")
    code_table = CodeTable.load(workdir.require("codes") / "table")
    vocabulary = SentencePieceVocabulary.load(workdir.require("vocabulary") / "vocabulary.model")
    trained = workdir.require("train")
    config = ModelConfig(**json.loads((trained / "model.json").read_text(encoding="utf-8")))
    params = load_params(trained / "params.npz", config)
    index = indexing.build_index(
        code_table, vocabulary, config, params,
        [product_text(shop.product_by_id[product_id]) for product_id in code_table.product_ids],
        batch_size=batch_size, max_product_length=max_product_length, progress=context.progress)
    scoring, tried = ScoringHead(), ()
    if shop.queries_of("tune"):
        choice = choose_head(
            config, params, index, vocabulary, beam_size=search.beam_size,
            batch_size=search.batch_size, max_query_length=search.max_query_length,
            train_queries=_sample(shop, "train", num_fit_queries),
            clicks=shop.clicks_of("train"), tune_queries=_sample(shop, "tune", num_tune_queries),
            tune_qrels=shop.qrels("tune"), progress=context.progress)
        scoring, tried = choice.scoring, choice.tried
    else:
        context.say("no tune queries to choose a scoring head on: the plain sum is taken")
    titles = {product.product_id: product.title for product in shop.products}
    snapshot = Snapshot(config, params, vocabulary, index, scoring, search, titles)
    save_snapshot(context.folder, snapshot)
    # The program that answers single searches then waits in the compilation cache.
    snapshot.retriever.warm("lone")
    with atomic_file(context.folder / "scoring_trials.json") as stream:
        json.dump({way.name: way.figures for way in tried}, stream, indent=2)
    counts = {"codes": code_table.num_codes, "postings": code_table.num_postings,
              "digest": index.digest}
    return counts | ({"scoring": tried[0].name, "tune": tried[0].figures} if tried else
                     {"scoring": f"{scoring.head}, {scoring.reduce}, initial"})


def _sample(shop: Shop, split: str, count: int) -> list[Query]:
    """At most `count` queries of a split, picked by the hash of their ids."""
    queries = sorted(shop.queries_of(split), key=lambda query: digest_texts([query.query_id]))
    return queries[:count]
