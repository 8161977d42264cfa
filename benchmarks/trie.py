"""Times the trie: its build, a constrained step by number of codes, and the same beside STATIC.

    python benchmarks/trie.py [--parts build step static] [--static=CHECKOUT]

'build' runs in a process of its own for each size, so that its peak memory is its own, the codes
handed to it included. 'step' is everything that a step of the search asks of the trie: log-
probabilities in, best continuations and endings out. It is timed alone and beside the decoder (4+4
layers, d_model 256, random parameters), over all the steps of a code, so that the wide nodes near
the root and the tails count as they occur. 'static' is in `trie_peer.py`.

The machine's state shows in every figure: run on a quiet one.
"""

import argparse
import functools
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import machine
import numpy as np
from random_codes import EOS_ID, MAX_LENGTH, random_codes
from trie_peer import compare_with_static

from gram_jax.core.protocols import Decoder
from gram_jax.decoding.constraints import best_continuations, endings
from gram_jax.models.cached_decoder import CachedDecoder
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import init_params
from gram_jax.trie.builder import build_trie
from gram_jax.trie.code_trie import ROOT, CodeTrie
from gram_jax.trie.lookup import choices

MOST_CODES = 10**7
QUERY_LENGTH = 16
MAX_SECONDS, MAX_GIB, MAX_BYTES = 60, 6, 250
MAX_SHARE, MAX_GROWTH = 0.10, 1.15


def verdict(value: float, bar: float) -> str:
    return f"{'held' if value <= bar else 'MISSED'} (at most {bar:g})"


def size_on_device(trie: CodeTrie) -> int:
    return sum(leaf.nbytes for leaf in jax.tree.leaves(trie))


def measure_build(num_codes: int, vocab_size: int) -> dict[str, float]:
    """Builds one trie; for a process that does nothing else."""
    codes = random_codes(num_codes, vocab_size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    trie = build_trie(codes, vocab_size=vocab_size, eos_id=EOS_ID)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "bytes": size_on_device(trie) / num_codes,
            "nodes": (int(trie.row_starts[-1]) + 1) / num_codes, "before_gib": before / 2**20,
            "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}


def report_builds(sizes: list[int], vocab_sizes: list[int]) -> None:
    print("\n### Building\n\n"
          "| codes | vocabulary | build s | peak GiB | nodes a code | bytes a code |\n"
          "|--:|--:|--:|--:|--:|--:|")
    for vocab_size in vocab_sizes:
        for num_codes in sizes:
            done = subprocess.run(
                [sys.executable, __file__, "--one_build", str(num_codes), str(vocab_size)],
                check=True, stdout=subprocess.PIPE)
            found = json.loads(done.stdout)
            print(f"| {num_codes} | {vocab_size} | {found['seconds']:.2f} | "
                  f"{found['peak_gib']:.2f} | {found['nodes']:.2f} | {found['bytes']:.0f} |",
                  flush=True)
            if num_codes == MOST_CODES:
                for name, bar in (("seconds", MAX_SECONDS), ("peak_gib", MAX_GIB),
                                  ("bytes", MAX_BYTES)):
                    print(f"|  | {name} at {num_codes} | {verdict(found[name], bar)} |  |  |  |")


def ask_trie(trie: CodeTrie, nodes, log_probs, logits, normalizers, position):
    """All that a step asks of the trie."""
    allowed = choices(trie, nodes, position)
    ended = endings(trie, allowed, log_probs, logits, normalizers)
    return best_continuations(trie, allowed, log_probs, logits, normalizers,
                              beam_size=nodes.shape[1]), ended


def first_beams(batch_size: int, beam_size: int) -> tuple[jax.Array, jax.Array]:
    """Nodes and log-probabilities of one live beam a row, at the root."""
    nodes = jnp.full((batch_size, beam_size), ROOT, jnp.int32)
    is_first = jnp.arange(beam_size) == 0
    return nodes, jnp.broadcast_to(jnp.where(is_first, 0.0, -jnp.inf), nodes.shape)


@jax.jit
def trie_steps(trie: CodeTrie, logits: jax.Array) -> tuple:
    """The steps of the longest code with logits [batch, beam, vocab] that are there already."""
    normalizers = jax.nn.logsumexp(logits, axis=-1)

    def step(position, state):
        nodes, log_probs, total = state
        found, ended = ask_trie(trie, nodes, log_probs, logits, normalizers, position)
        return found.nodes, found.log_probs, total + ended[0]

    state = (*first_beams(*logits.shape[:2]), normalizers)
    return jax.lax.fori_loop(0, MAX_LENGTH, step, state)


@functools.partial(jax.jit, static_argnames=("beam_size",))
def decoder_steps(decoder: Decoder, trie: CodeTrie, queries: jax.Array, *, beam_size: int):
    """The same steps with the logits of a decoder that goes with the beams."""
    def step(position, state):
        nodes, log_probs, total, tokens, cache = state
        logits, cache = decoder.step(cache, tokens[..., None], position)
        logits = logits[:, :, 0]
        normalizers = jax.nn.logsumexp(logits, axis=-1)
        found, ended = ask_trie(trie, nodes, log_probs, logits, normalizers, position)
        return (found.nodes, found.log_probs, total + ended[0], found.tokens,
                decoder.reorder(cache, found.parents))

    nodes, log_probs = first_beams(queries.shape[0], beam_size)
    cache = decoder.prefill(queries, max_length=trie.max_depth, max_beams=beam_size)
    cache = decoder.reorder(cache, jnp.zeros_like(nodes))
    state = (nodes, log_probs, jnp.zeros_like(log_probs), jnp.zeros_like(nodes), cache)
    return jax.lax.fori_loop(0, MAX_LENGTH, step, state)[:3]


def interleaved_ms(functions: dict, repeats: int) -> dict:
    """Median milliseconds of each, their runs taking turns so that all meet the same machine."""
    times = {name: [] for name in functions}
    for turn in range(repeats + 1):  # the first compiles
        for name, function in functions.items():
            started = time.perf_counter()
            jax.block_until_ready(function())
            if turn:
                times[name].append(1000 * (time.perf_counter() - started))
    return {name: statistics.median(taken) for name, taken in times.items()}


def report_steps(sizes, vocab_sizes, beam_sizes, batch_sizes, repeats: int) -> None:
    for vocab_size in vocab_sizes:
        config = ModelConfig(vocab_size=vocab_size, d_model=256, d_ff=1024, num_heads=4,
                             head_dim=64, num_encoder_layers=4, num_decoder_layers=4)
        decoder = CachedDecoder(config, init_params(config, seed=0))
        tries = {size: jax.device_put(build_trie(random_codes(size, vocab_size),
                                                 vocab_size=vocab_size, eos_id=EOS_ID))
                 for size in sizes}
        print(f"\n### A step, vocabulary {vocab_size}, microseconds\n\n"
              "| beam | batch | codes | trie | with decoder | share | to fewest codes | bar |\n"
              "|--:|--:|--:|--:|--:|--:|--:|:--|")
        for beam_size in beam_sizes:
            for batch_size in batch_sizes:
                rng = np.random.default_rng(batch_size)
                queries = jnp.asarray(rng.integers(2, vocab_size, (batch_size, QUERY_LENGTH)),
                                      jnp.int32)
                logits = jnp.asarray(rng.normal(size=(batch_size, beam_size, vocab_size)),
                                     jnp.float32)
                alone = interleaved_ms({size: functools.partial(trie_steps, trie, logits)
                                        for size, trie in tries.items()}, repeats)
                whole = interleaved_ms({size: functools.partial(
                    decoder_steps, decoder, trie, queries, beam_size=beam_size)
                    for size, trie in tries.items()}, repeats)
                for size in sizes:
                    share, growth = alone[size] / whole[size], whole[size] / whole[sizes[0]]
                    bars = [verdict(share, MAX_SHARE)] if size == 10**6 else []
                    bars += [verdict(growth, MAX_GROWTH)] if size == MOST_CODES else []
                    print(f"| {beam_size} | {batch_size} | {size} | "
                          f"{1000 * alone[size] / MAX_LENGTH:.0f} | "
                          f"{1000 * whole[size] / MAX_LENGTH:.0f} | {share:.1%} | {growth:.2f} | "
                          + f"{'; '.join(bars)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", default=["build", "step", "static"])
    parser.add_argument("--num_codes", type=int, nargs="+", default=[10**4, 10**5, 10**6, 10**7])
    parser.add_argument("--vocab_size", type=int, nargs="+", default=[8192, 32768])
    parser.add_argument("--beam_size", type=int, nargs="+", default=[10, 50, 100])
    parser.add_argument("--batch_size", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--static", type=Path, help="a checkout of youtube/static-constraint-"
                                                    "decoding")
    parser.add_argument("--num_ids", type=int, default=10**6, help="of 'static'")
    parser.add_argument("--one_build", type=int, nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one_build:
        print(json.dumps(measure_build(*args.one_build)))
        return
    print(f"## The trie\n\n{machine.one_line()}.")
    if "build" in args.parts:
        report_builds(args.num_codes, args.vocab_size)
    if "step" in args.parts:
        report_steps(args.num_codes, args.vocab_size, args.beam_size, args.batch_size,
                     args.repeats)
    if "static" in args.parts:
        compare_with_static(args.static, num_ids=args.num_ids, repeats=args.repeats)


if __name__ == "__main__":
    main()
