"""What a training alone can reach: its loss a code, and the relevant products under its beams.

    python benchmarks/beam_reach.py --workdir=DIR --split=tune --beam_size=40

Needs the stages prepare, codes, vocabulary and train, and no index. The loss is that of a whole
code, minus ln p(code | query) averaged over the split's examples, so that models with different
tokens can be compared. Reach is the share of a query's relevant products that stand under its first
codes, whatever their order, and beside it how many products stand there.
"""

import argparse
import json
from pathlib import Path

import jax
import numpy as np

from gram_jax.catalog.shop import read_shop
from gram_jax.codes.code_table import CodeTable
from gram_jax.codes.examples import read_code_examples
from gram_jax.core.records import RELEVANT_GRADE
from gram_jax.decoding.beam_search import beam_search
from gram_jax.evaluation.metrics import evaluated_queries
from gram_jax.models.cached_decoder import CachedDecoder
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import bind, load_params
from gram_jax.models.teacher_forcing import code_token_log_probs
from gram_jax.pipeline.workdir import Workdir
from gram_jax.text.encoding import encode_codes, encode_inputs
from gram_jax.text.prompts import query_input
from gram_jax.text.vocabulary_files import load_vocabulary
from gram_jax.trie.builder import build_trie

BATCH_SIZE = 50


def in_batches(run, *columns: np.ndarray):
    """The results of `run` on rows of one shape, put together again."""
    num_rows = len(columns[0])
    padded = [np.pad(array, ((0, -num_rows % BATCH_SIZE), (0, 0))) for array in columns]
    found = [np.asarray(run(*(array[start:start + BATCH_SIZE] for array in padded)))
             for start in range(0, num_rows, BATCH_SIZE)]
    return np.concatenate(found)[:num_rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workdir", required=True, type=Path)
    parser.add_argument("--split", choices=("tune", "test"), default="tune")
    parser.add_argument("--beam_size", type=int, default=40)
    parser.add_argument("--max_query_length", type=int, default=24)
    options = parser.parse_args()
    workdir = Workdir(options.workdir)
    shop = read_shop(workdir.require("prepare") / "shop")
    codes_folder, trained = workdir.require("codes"), workdir.require("train")
    table = CodeTable.load(codes_folder / "table")
    vocabulary = load_vocabulary(workdir.require("vocabulary") / "vocabulary.model")
    config = ModelConfig(**json.loads((trained / "model.json").read_text(encoding="utf-8")))
    params = load_params(trained / "params.npz", config)

    def encoded(texts):
        return encode_inputs(vocabulary, [query_input(text) for text in texts],
                             options.max_query_length)

    if options.split == "tune":
        pairs = [(example.text, code) for example in
                 read_code_examples(codes_folder / "query_codes.tune.jsonl")
                 for code in example.codes]
        texts, codes = zip(*pairs)
        score = jax.jit(lambda texts, codes: code_token_log_probs(
            bind(config, params), texts, codes[:, None])[:, 0])
        log_probs = in_batches(score, encoded(texts), encode_codes(vocabulary, codes))
        print(f"{-log_probs.sum(axis=1).mean():.4f} nats a code, {len(pairs)} codes; "
              f"{-log_probs.sum() / (log_probs != 0).sum():.4f} a token")

    qrels = shop.qrels(options.split)
    judged = set(evaluated_queries(qrels))
    queries = [query for query in shop.queries_of(options.split) if query.query_id in judged]
    names = [code.text for code in table.codes]
    trie = jax.device_put(build_trie(
        encode_codes(vocabulary, names), vocab_size=config.output_vocab_size,
        eos_id=vocabulary.eos_id, names=names))
    search = jax.jit(lambda texts: beam_search(
        CachedDecoder(config, params), trie, texts, beam_size=options.beam_size).code_ids)
    code_ids = in_batches(search, encoded([query.text for query in queries]))
    place_of = {product_id: place for place, product_id in enumerate(table.product_ids)}
    print(f"{len(queries)} {options.split} queries\n"
          "codes  relevant products under them  products under them")
    for num_codes in sorted({1, min(10, options.beam_size), options.beam_size}):
        shares, sizes = [], []
        for query, row in zip(queries, code_ids):
            relevant = [place_of[product_id] for product_id, grade in qrels[query.query_id].items()
                        if grade >= RELEVANT_GRADE]
            reached = np.unique(np.concatenate([np.zeros(0, np.int32), *(
                table.postings(code) for code in row[:num_codes] if code >= 0)]))
            shares.append(np.isin(relevant, reached).mean())
            sizes.append(len(reached))
        print(f"{num_codes:5}  {np.mean(shares):28.4f}  {np.mean(sizes):19.1f}")


if __name__ == "__main__":
    main()
