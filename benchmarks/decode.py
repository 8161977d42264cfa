"""Times constrained beam search: milliseconds a query by codes, beam size and batch size.

    python benchmarks/decode.py [--num_codes 10000 100000] [--beam_size 10 50] [--batch_size 8 32]

The model is the tiny one (2+2 layers, d_model 128) with random parameters, the codes are random
with shared prefixes, so every search runs about as deep as the codes are long. 'decoder' is the
time of the same number of decoder steps with nothing searched; the rest is search.
"""

import argparse
import statistics
import time

import jax
import jax.numpy as jnp
import numpy as np

from gram_jax.decoding.beam_search import beam_search
from gram_jax.models.cached_decoder import CachedDecoder
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import init_params
from gram_jax.text.encoding import with_eos
from gram_jax.trie.builder import build_trie

EOS_ID = 1
QUERY_LENGTH = 16


def random_codes(num_codes: int, vocab_size: int, seed: int = 0) -> list[tuple[int, ...]]:
    """Distinct codes of 3 to 13 tokens; early tokens are long-tailed, as brands are."""
    rng = np.random.default_rng(seed)
    codes: dict[tuple[int, ...], None] = {}
    while len(codes) < num_codes:
        tokens = np.minimum(rng.zipf(1.2, size=(num_codes, 13)) + 1, vocab_size)
        uniform = rng.integers(2, vocab_size, size=tokens.shape)
        tokens = np.where(tokens < vocab_size, tokens, uniform)
        for row, length in zip(tokens.tolist(), rng.integers(3, 14, size=num_codes)):
            codes[tuple(row[:length])] = None
    return list(codes)[:num_codes]


def median_ms(function, repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(function())
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


@jax.jit
def decoder_alone(decoder, queries, beams, num_steps):
    """The sum of all logits of `num_steps` steps of as many beams as `beams` [beam, length]."""
    def step(position, state):
        cache, total = state
        logits, cache = decoder.step(cache, tokens, position)
        return cache, total + logits.sum()

    beam_size, max_length = beams.shape
    tokens = jnp.full((queries.shape[0], beam_size), 7, jnp.int32)
    cache = decoder.prefill(queries, beam_size=beam_size, max_length=max_length)
    return jax.lax.fori_loop(0, num_steps, step, (cache, jnp.float32(0)))[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--num_codes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--beam_size", type=int, nargs="+", default=[10, 50])
    parser.add_argument("--batch_size", type=int, nargs="+", default=[8, 32])
    parser.add_argument("--vocab_size", type=int, default=4096)
    parser.add_argument("--normalize", default="vocabulary")
    parser.add_argument("--repeats", type=int, default=9)
    args = parser.parse_args()
    config = ModelConfig(vocab_size=args.vocab_size, d_model=128, d_ff=256, num_heads=4,
                         head_dim=32, num_encoder_layers=2, num_decoder_layers=2)
    decoder = CachedDecoder(config, init_params(config, seed=0))
    rng = np.random.default_rng(1)
    print("| codes | nodes | build s | beam | batch | steps | compile s | ms/query | decoder "
          "ms/query |\n|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    for num_codes in args.num_codes:
        codes = random_codes(num_codes, args.vocab_size)
        start = time.perf_counter()
        trie = build_trie(with_eos(codes, EOS_ID, 14), vocab_size=args.vocab_size, eos_id=EOS_ID)
        build_seconds = time.perf_counter() - start
        num_nodes = int(trie.row_starts[-1]) + 1
        trie = jax.device_put(trie)
        for beam_size in args.beam_size:
            for batch_size in args.batch_size:
                queries = jnp.asarray(
                    rng.integers(2, args.vocab_size, (batch_size, QUERY_LENGTH)), jnp.int32)

                def search(queries=queries, beam_size=beam_size, trie=trie):
                    return beam_search(decoder, trie, queries, beam_size=beam_size,
                                       normalize=args.normalize)

                start = time.perf_counter()
                beams = jax.block_until_ready(search())
                compile_seconds = time.perf_counter() - start
                steps = int((beams.tokens != 0).sum(-1).max())
                shape = jnp.zeros((beam_size, trie.max_depth))
                alone = median_ms(
                    lambda queries=queries, shape=shape, steps=steps:
                    decoder_alone(decoder, queries, shape, steps), args.repeats)
                whole = median_ms(search, args.repeats)
                print(f"| {num_codes} | {num_nodes} | {build_seconds:.2f} | {beam_size} | "
                      f"{batch_size} | {steps} | {compile_seconds:.1f} | {whole / batch_size:.2f} "
                      f"| {alone / batch_size:.2f} |", flush=True)


if __name__ == "__main__":
    main()
