"""index: the product side of every posting, the scoring head, and the snapshot that serves."""

import json
import shutil
from collections.abc import Callable, Mapping

import gin
from jax.sharding import Mesh

from gram_jax.catalog.shop import Shop, read_shop
from gram_jax.codes.code_table import CodeTable
from gram_jax.codes.examples import product_text
from gram_jax.core.atomic import atomic_file
from gram_jax.core.digest import digest_texts
from gram_jax.core.records import Query
from gram_jax.partitioning.partitioner import Partitioner
from gram_jax.pipeline.stage import StageContext
from gram_jax.pipeline.trained import load_trained, trained_folder
from gram_jax.retrieval import index as indexing
from gram_jax.retrieval.head_choice import choose_head
from gram_jax.retrieval.head_figures import HeadFigures
from gram_jax.retrieval.learned_choice import LearnedHeadSettings
from gram_jax.retrieval.product_codes import ProductCoding, code_products
from gram_jax.retrieval.scoring import ScoringHead
from gram_jax.retrieval.scoring_files import save_scoring
from gram_jax.serving.snapshot import SearchSettings, Snapshot, save_snapshot
from gram_jax.text.vocabulary_files import load_vocabulary

HEADS = "heads"
"""The folder with the best head of each family."""

_PARTS = "parts"
"""What is done of generated codes, log-probabilities and embeddings, while the stage runs."""


@gin.configurable
def build_index(context: StageContext, *, search: SearchSettings = gin.REQUIRED,
                max_product_length: int = gin.REQUIRED, batch_size: int = 256,
                generated_codes_per_product: int = 0, product_beam_size: int = 10,
                min_generated_log_prob: float | None = None, generation_batch_size: int = 64,
                mesh: Callable[[], Mesh] | None = None, max_product_terms: int = 32,
                num_fit_queries: int = 1000, num_tune_queries: int = 1000,
                learned: LearnedHeadSettings | None = None) -> Mapping[str, object]:
    """Builds the index, fits the scoring heads, and writes the snapshot.

    The model is that of the last training the experiment has. Postings are the mined ones and,
    if wanted, those codes that the product-code generator finds most probable for each product.
    Heads are fitted on train queries; the one that serves is the best on tune queries, and the
    best of each family lies in `heads/` beside it. A shop without tune queries has the plain sum.

    Args:
      context: where to read and write.
      search: beam size and shapes of the search programs.
      max_product_length: tokens of a product's text, EOS included.
      batch_size: postings, or products, computed together.
      generated_codes_per_product: codes that the product-code generator puts each product under,
        besides the mined ones; 0 leaves it at these.
      product_beam_size: codes that it generates for a product, of which the most probable are
        taken; at least as many as are wanted. Products that arrive later are coded alike, and
        where no number is given get all of these.
      min_generated_log_prob: a generated code of a lower ln p(code | product) is left out.
      generation_batch_size: products coded together.
      mesh: makes the device mesh that products are coded on; the default device when None.
      max_product_terms: different tokens of a product's text that a query is compared with.
      num_fit_queries: train queries that the heads are fitted on.
      num_tune_queries: tune queries that the head is chosen on.
      learned: of the learned head; None leaves it out.
    """
    shop = read_shop(context.inputs["prepare"] / "shop")
    mined = CodeTable.load(context.inputs["codes"] / "table")
    vocabulary = load_vocabulary(context.inputs["vocabulary"] / "vocabulary.model")
    config, params = load_trained(trained_folder(context))
    texts = [product_text(shop.product_by_id[product_id]) for product_id in mined.product_ids]
    coding = ProductCoding(
        max_codes=generated_codes_per_product or product_beam_size,
        beam_size=max(product_beam_size, generated_codes_per_product),
        min_log_prob=min_generated_log_prob, max_input_length=max_product_length)
    code_table = mined
    if generated_codes_per_product:
        generated = code_products(
            config, params, indexing.spell_codes(mined, vocabulary), mined, vocabulary,
            mined.product_ids, texts, coding, batch_size=generation_batch_size,
            folder=context.folder / _PARTS, progress=context.progress,
            partitioner=None if mesh is None else Partitioner(mesh()))
        generated.save(context.folder / "generated_codes")
        code_table = generated.united_with(mined)
    index = indexing.build_index(
        code_table, vocabulary, config, params, texts, batch_size=batch_size,
        max_product_length=max_product_length, max_product_terms=max_product_terms,
        kept_parts=context.folder / _PARTS, progress=context.progress)
    scoring, tried = ScoringHead(), ()
    if shop.queries_of("tune"):
        choice = choose_head(
            config, params, index, vocabulary, beam_size=search.beam_size,
            batch_size=search.batch_size, max_query_length=search.max_query_length,
            train_queries=_sample(shop, "train", num_fit_queries),
            clicks=shop.clicks_of("train"), tune_queries=_sample(shop, "tune", num_tune_queries),
            tune_qrels=shop.qrels("tune"), learned=learned, progress=context.progress)
        scoring, tried = choice.scoring, choice.tried
        for family, best in choice.best_of_families.items():
            save_scoring(context.folder / HEADS / family, best.scoring)
    else:
        context.say("no tune queries to choose a scoring head on: the plain sum is taken")
    titles = {product.product_id: product.title for product in shop.products}
    snapshot = Snapshot(config, params, vocabulary, index, scoring, search, titles, coding)
    save_snapshot(context.folder, snapshot)
    # The program that answers single searches then waits in the compilation cache.
    snapshot.retriever.warm("lone")
    with atomic_file(context.folder / "scoring_trials.json") as stream:
        json.dump({way.name: _record(way) for way in tried}, stream, indent=2)
    shutil.rmtree(context.folder / _PARTS, ignore_errors=True)
    counts = {"codes": code_table.num_codes, "postings": code_table.num_postings,
              "mined_postings": mined.num_postings, "digest": index.digest}
    return counts | ({"scoring": tried[0].name, "tune": tried[0].figures} if tried else
                     {"scoring": f"{scoring.head}, {scoring.reduce}, initial"})


def _record(way: HeadFigures) -> dict[str, object]:
    return {**way.figures, **({"settings": way.settings} if way.settings else {})}


def _sample(shop: Shop, split: str, count: int) -> list[Query]:
    """At most `count` queries of a split, picked by the hash of their ids."""
    queries = sorted(shop.queries_of(split), key=lambda query: digest_texts([query.query_id]))
    return queries[:count]
