"""Times what scoring and shortlisting add to a query: `retrieve` beside its beam search alone.

    python benchmarks/shortlist.py [--candidates 5000 50000] [--num_products 300]

The model has 4+4 layers, d_model 256 and random parameters; codes are random, neighbours of one
prefix share products. 'added' is the difference between the medians of the whole program and of
beam search, run in turns; 'alone' is the shortlist as a program of its own.
"""

import argparse
import functools
import itertools
import statistics
import time

import jax
import jax.numpy as jnp
import machine
import numpy as np
from random_codes import EOS_ID, random_codes

from gram_jax.decoding.beam_search import beam_search
from gram_jax.models.cached_decoder import CachedDecoder
from gram_jax.models.code_score import HEADS, SIDE_COSTS, CodeScoreParams
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import init_params
from gram_jax.retrieval.device_index import DeviceIndex
from gram_jax.retrieval.retrieve import RetrieveSettings, retrieve
from gram_jax.retrieval.scoring import REDUCES
from gram_jax.retrieval.shortlist import shortlist
from gram_jax.trie.builder import build_trie
from gram_jax.trie.capacity import capacity_class

VOCAB_SIZE, QUERY_LENGTH = 8192, 16
MOST_ADDED = 0.15
BAR_AT_CANDIDATES = 5000
SHARED = 4  # a product is under about as many codes


def random_index(num_codes: int, code_size: int, head: str, beam_size: int) -> DeviceIndex:
    """Codes of 3 to 13 tokens with `code_size` products each, in the order of their tokens."""
    rng = np.random.default_rng(0)
    codes = random_codes(num_codes, VOCAB_SIZE)
    codes = codes[np.lexsort(codes.T[::-1])]
    trie = build_trie(codes, vocab_size=VOCAB_SIZE, eos_id=EOS_ID)
    num_postings = num_codes * code_size
    steps = rng.integers(1, 2 * SHARED, (num_codes, code_size))
    first = np.arange(num_codes)[:, None] * (code_size // SHARED)
    room = capacity_class(num_postings)
    products = np.zeros(room, np.int32)
    products[:num_postings] = (first + np.cumsum(steps, axis=1)).ravel()
    is_sum = head in SIDE_COSTS
    room_of_codes = trie.code_capacity
    starts = np.minimum(np.arange(room_of_codes + 1), num_codes) * code_size
    costs = rng.uniform(1, 40, room).astype(np.float32) if is_sum else None
    log_probs = None if is_sum else -rng.uniform(0, 4, (room, trie.max_depth)).astype(np.float16)
    return jax.device_put(DeviceIndex(
        trie, starts.astype(np.int32), products, costs, log_probs,
        rng.integers(0, 3, room_of_codes).astype(np.int8), CodeScoreParams.initial(),
        capacity_class(beam_size * code_size), beam_size))


def medians_ms(programs, repeats: int) -> list[float]:
    """Of each program, all run in turns so that they share the machine's moods."""
    times = [[] for _ in programs]
    for program in programs:
        jax.block_until_ready(program())
    for _ in range(repeats):
        for program, taken in zip(programs, times):
            start = time.perf_counter()
            jax.block_until_ready(program())
            taken.append(1000 * (time.perf_counter() - start))
    return [statistics.median(taken) for taken in times]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--candidates", type=int, nargs="+", default=[5000, 50000])
    parser.add_argument("--postings", type=int, default=5_000_000)
    parser.add_argument("--num_products", type=int, default=300)
    parser.add_argument("--beam_size", type=int, default=10)
    parser.add_argument("--batch_size", type=int, nargs="+", default=[1])
    parser.add_argument("--repeats", type=int, default=21)
    args = parser.parse_args()
    config = ModelConfig(vocab_size=VOCAB_SIZE, d_model=256, d_ff=512, num_heads=4, head_dim=64,
                         num_encoder_layers=4, num_decoder_layers=4)
    params = init_params(config, seed=0)
    decoder = CachedDecoder(config, params)
    rng = np.random.default_rng(1)
    print(f"## Scoring and shortlisting {args.num_products} products\n\n{machine.one_line()}. "
          "'added' is what `retrieve` takes more than its beam search.\n\n"
          "| candidates | head | reduce | batch | beam search ms | retrieve ms | added | "
          "shortlist alone ms | bar |\n|--:|:--|:--|--:|--:|--:|--:|--:|:--|")
    for candidates, head, batch_size in itertools.product(args.candidates, HEADS, args.batch_size):
        code_size = candidates // args.beam_size
        index = random_index(args.postings // code_size, code_size, head, args.beam_size)
        queries = jnp.asarray(rng.integers(2, VOCAB_SIZE, (batch_size, QUERY_LENGTH)), jnp.int32)
        search = functools.partial(beam_search, decoder, index.trie, queries,
                                   beam_size=args.beam_size)
        beams = search()
        for reduce in REDUCES:
            settings = RetrieveSettings(beam_size=args.beam_size, head=head, reduce=reduce,
                                        num_products=args.num_products)
            alone = jax.jit(functools.partial(shortlist, head=head, reduce=reduce,
                                              num_products=args.num_products))
            searched, whole, listed = medians_ms([
                search,
                functools.partial(retrieve, params, index, queries, config=config,
                                  settings=settings),
                functools.partial(alone, index, beams)], args.repeats)
            added = whole / searched - 1
            bar = f"{'held' if added <= MOST_ADDED else 'MISSED'} (at most {MOST_ADDED:.0%})"
            print(f"| {candidates} | {head} | {reduce} | {batch_size} | {searched:.2f} | "
                  f"{whole:.2f} | {added:+.1%} | {listed:.2f} | "
                  f"{bar if candidates == BAR_AT_CANDIDATES else ''} |", flush=True)


if __name__ == "__main__":
    main()
