"""How the search's time moves with codes, vocabulary, beams and batch.

Ours everywhere, the peers at one number of codes.
"""

import itertools
import time
from collections.abc import Iterator, Sequence

import jax
from engine_codes import random_queries
from engine_systems import SYSTEMS, Ours
from engine_timing import interleaved
from random_codes import random_codes

from gram_jax.models.params import init_params

VOCAB_SIZES, BEAM_SIZES, BATCH_SIZES = (8192, 32768), (10, 50, 100), (1, 8, 32)
PEERS_AT_CODES = 100_000
_KEYS = ("vocab_size", "codes", "beam_size", "batch_size")
SLOWEST_SECONDS = 10.0
"""A peer whose search takes longer is not timed."""


def sweep(config_of, options, done: Sequence[dict]) -> Iterator[dict]:
    """Yields a row for every combination that is not `done`: sizes, build seconds, times."""
    known = {tuple(row[name] for name in _KEYS) for row in done}
    for vocab_size in VOCAB_SIZES:
        config = config_of(vocab_size)
        params = init_params(config, options.seed)
        queries = random_queries(128, vocab_size, options.seed + 1)
        for num_codes in options.sweep_codes:
            missing = [sizes for sizes in itertools.product(BEAM_SIZES, BATCH_SIZES)
                       if (vocab_size, num_codes, *sizes) not in known]
            if not missing:
                continue
            codes = random_codes(num_codes, vocab_size, seed=options.seed)
            start = time.perf_counter()
            ours = Ours(config, params, codes, beam_size=BEAM_SIZES[0])
            sizes = {"vocab_size": vocab_size, "codes": num_codes,
                     "build_seconds": time.perf_counter() - start,
                     "bytes_a_code": sum(array.nbytes for array in jax.tree.leaves(ours.trie))
                     / num_codes}
            peers = _peers(config, params, codes, options) if num_codes == PEERS_AT_CODES else []
            for beam_size, batch_size in missing:
                ours.options["beam_size"] = beam_size
                times = _times([ours, *peers], beam_size,
                               queries.reshape(-1, batch_size, queries.shape[1]),
                               options.sweep_rounds)
                print(vocab_size, num_codes, beam_size, batch_size,
                      {name: round(time["median"], 2) for name, time in times.items()},
                      flush=True)
                yield sizes | {"beam_size": beam_size, "batch_size": batch_size, "times": times}
                # Every compiled program keeps memory mappings, of which a process has some 65,000.
                jax.clear_caches()


def _peers(config, params, codes, options) -> list:
    return [SYSTEMS[name](config, params, codes, beam_size=BEAM_SIZES[0])
            for name in options.systems if name != "ours"]


def _times(systems, beam_size: int, queries, rounds: int) -> dict:
    timed = []
    for system in systems:
        if system.name == "transformers":
            system.beam_size = beam_size
        else:
            system.options["beam_size"] = beam_size
        system.search(queries[0])
        start = time.perf_counter()
        system.search(queries[0])
        if system.name == "ours" or time.perf_counter() - start < SLOWEST_SECONDS:
            timed.append(system)
    return interleaved(timed, queries, rounds)
