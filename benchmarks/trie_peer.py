"""Our trie beside the published CSR kernel for ids of one length (STATIC, arXiv 2602.22647).

Its code is imported from a checkout of github.com/youtube/static-constraint-decoding. Both decode
the same ids with the same stand-in for a model (a row of a table of logits for the last token), at
its settings: 8 tokens, vocabulary 8192, batch 2, 70 beams. It looks at the best `tokens_per_beam`
of every beam in its second step: 30 as published, 70 to be exact. Time a step is that of the whole
search through 8, the stand-in and normalising over the vocabulary included; the third step, the
first that STATIC takes from its CSR rows, is also timed without them.
"""

import functools
import statistics
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from gram_jax.decoding.beam_state import take_beams
from gram_jax.decoding.constraints import best_continuations
from gram_jax.trie.builder import build_trie
from gram_jax.trie.code_trie import ROOT
from gram_jax.trie.lookup import choices

EOS_ID, FIRST_TOKEN, START = 1, 2, 0
VOCAB_SIZE, LENGTH, BATCH_SIZE, BEAM_SIZE = 8192, 8, 2, 70
TABLE_ROWS = 64
WIDE = 4000
STEPS = 50


class TableModel:
    """Logits by the last token; called as STATIC calls a model."""

    def __init__(self, seed: int = 0):
        table = np.random.default_rng(seed).normal(size=(TABLE_ROWS, VOCAB_SIZE))
        self.table = np.asarray(jax.nn.log_softmax(jnp.asarray(table, jnp.float32)))

    def __call__(self, tokens, key):
        """Logits [rows, 1, vocab] after int32 [rows, 1]."""
        return jnp.asarray(self.table)[tokens % TABLE_ROWS], key


def random_ids(num_ids: int, seed: int = 0) -> np.ndarray:
    """int32 [ids, 8], distinct and sorted, as STATIC wants them."""
    rng = np.random.default_rng(seed)
    return np.unique(rng.integers(FIRST_TOKEN, VOCAB_SIZE, (num_ids, LENGTH), dtype=np.int32),
                     axis=0)


class Ours:
    """Search over a `CodeTrie`: ids of one length are codes like any."""

    def __init__(self, model: TableModel):
        self._search = jax.jit(functools.partial(self._steps, model))

    def index(self, ids: np.ndarray):
        ends = np.full((len(ids), 1), EOS_ID, np.int32)
        return jax.device_put(build_trie(np.concatenate([ids, ends], axis=1),
                                         vocab_size=VOCAB_SIZE, eos_id=EOS_ID))

    def search(self, trie):
        """int32 [batch, beam, 8] ids and float32 [batch, beam], -inf where there is none."""
        return self._search(trie)

    def num_compilations(self) -> int:
        return self._search._cache_size()

    def third_step(self, trie, ids: np.ndarray, log_probs, beam_log_probs):
        """A step's function of something that it depends on, after the first two tokens of ids."""
        starts, tokens = np.asarray(trie.row_starts), np.asarray(trie.edge_tokens)

        def node_of(tokens_so_far):
            node = ROOT
            for token in tokens_so_far:
                edges = slice(starts[node], starts[node + 1])
                # Of a tail nothing is left to find: it is its own child.
                node = 1 + edges.start + int(np.searchsorted(tokens[edges], token)) \
                    if edges.stop > edges.start else node
            return node

        nodes = jnp.asarray([node_of(row) for row in ids[:, :2].tolist()], jnp.int32)
        nodes = nodes.reshape(BATCH_SIZE, BEAM_SIZE)
        normalizers = jnp.zeros(nodes.shape)

        def step(trie, log_probs, zero):
            found = best_continuations(trie, choices(trie, nodes + zero, 2), beam_log_probs,
                                       log_probs, normalizers, beam_size=BEAM_SIZE)
            return found.log_probs, found.tokens, found.nodes

        return step, trie, log_probs.reshape(*nodes.shape, VOCAB_SIZE)

    @staticmethod
    def _steps(model, trie):
        nodes = jnp.full((BATCH_SIZE, 1), ROOT, jnp.int32)
        log_probs, last = jnp.zeros(nodes.shape), jnp.full_like(nodes, START)
        tokens = jnp.zeros((*nodes.shape, LENGTH), jnp.int32)
        for position in range(LENGTH):
            logits = model(last.reshape(-1, 1), None)[0].reshape(*last.shape, VOCAB_SIZE)
            found = best_continuations(
                trie, choices(trie, nodes, position), log_probs, logits,
                jax.nn.logsumexp(logits, axis=-1), beam_size=BEAM_SIZE)
            nodes, log_probs, last = found.nodes, found.log_probs, found.tokens
            tokens = take_beams(tokens, found.parents).at[:, :, position].set(last)
        return jnp.where(log_probs[..., None] > -jnp.inf, tokens, 0), log_probs


class Static:
    """The published search over its own index."""

    def __init__(self, model: TableModel, checkout: Path, tokens_per_beam: int):
        sys.path.insert(0, str(checkout))
        from static_decoding.csr_utils import build_static_index
        from static_decoding.decoding_jax import (
            generate_and_apply_logprobs_mask,
            sparse_transition_jax,
        )
        self._kernel = generate_and_apply_logprobs_mask
        self._build, self._decode = build_static_index, sparse_transition_jax
        self._model, self._tokens_per_beam = model, tokens_per_beam

    def index(self, ids: np.ndarray) -> dict:
        csr, starts, branches, *dense = self._build(ids, VOCAB_SIZE, dense_lookup_layers=2)
        csr, starts, *dense = jax.device_put((csr, starts, *dense))
        return {"packed_csr": csr, "csr_indptr": starts, "max_branch_factors": branches,
                **dict(zip(("start_mask", "dense_mask", "dense_states"), dense))}

    def search(self, index: dict):
        """int32 [batch, beam, 8]: it hands back no scores."""
        return self._decode(
            self._model, jax.random.key(0), batch_size=BATCH_SIZE, beam_size=BEAM_SIZE,
            tokens_per_beam=self._tokens_per_beam, start_token=START, max_sample_len=LENGTH,
            vocab_size=VOCAB_SIZE, d_dense=2, **index)

    def third_step(self, index: dict, ids: np.ndarray, log_probs, beam_log_probs):
        """As that of `Ours`: its kernel, and the best of what the kernel finds."""
        states = index["dense_states"][ids[:, 0], ids[:, 1]]
        limit = int(index["max_branch_factors"][2])

        def step(arrays, log_probs, zero):
            found, tokens, states_ = self._kernel(log_probs, states + zero, *arrays, limit,
                                                  VOCAB_SIZE)
            whole = beam_log_probs[..., None] + found.reshape(BATCH_SIZE, BEAM_SIZE, limit)
            best, chosen = jax.lax.top_k(whole.reshape(BATCH_SIZE, -1), BEAM_SIZE)
            return best, *(jnp.take_along_axis(a.reshape(BATCH_SIZE, -1), chosen, axis=1)
                           for a in (tokens, states_))

        return step, (index["packed_csr"], index["csr_indptr"]), log_probs

    def num_compilations(self) -> int:
        return self._decode._cache_size()


def brute_force(model: TableModel, ids: np.ndarray) -> set[tuple[int, ...]]:
    """What beam search over sorted ids finds, in NumPy."""
    beams = [(0.0, (), 0, len(ids))]
    for position in range(LENGTH):
        longer = []
        for score, prefix, first, end in beams:
            row = model.table[(prefix[-1] if prefix else START) % TABLE_ROWS]
            tokens, at = np.unique(ids[first:end, position], return_index=True)
            bounds = [*(first + at).tolist(), end]
            longer += [(score + float(row[token]), (*prefix, token), bounds[i], bounds[i + 1])
                       for i, token in enumerate(tokens.tolist())]
        beams = sorted(longer, key=lambda beam: -beam[0])[:BEAM_SIZE]
    return {prefix for _, prefix, _, _ in beams}


def exactness(model: TableModel, ids: np.ndarray, tokens: np.ndarray) -> str:
    """How many of the right ids are in one row of found ones, and how many are not ids at all."""
    known = set(map(tuple, ids.tolist()))
    found = [row for row in map(tuple, tokens.tolist()) if any(row)]
    right = brute_force(model, ids)
    return (f"{len(right & set(found))} of {len(right)} right, "
            f"{sum(row not in known for row in found)} of {len(found)} not valid")


def add_one_id(way, ids: np.ndarray) -> str:
    """What it takes until the first answer after one more id has come."""
    more = np.unique(np.concatenate([ids, random_ids(1, seed=1)]), axis=0)
    before, started = way.num_compilations(), time.perf_counter()
    index = jax.block_until_ready(way.index(more))
    built = time.perf_counter()
    jax.block_until_ready(way.search(index))
    return (f"{built - started:.2f} s to build, {time.perf_counter() - built:.3f} s to the first "
            f"answer, {way.num_compilations() - before} compilations")


def with_wide_node(ids: np.ndarray) -> np.ndarray:
    """The ids and many more that share the first two tokens of the first."""
    more = random_ids(WIDE, seed=2)
    more[:, :2], more[:, 2] = ids[0, :2], np.arange(FIRST_TOKEN, FIRST_TOKEN + WIDE)
    return np.unique(np.concatenate([ids, more]), axis=0)


def third_step(model: TableModel, ways: dict, ids: np.ndarray, repeats: int) -> str:
    """Microseconds of a step from log-probabilities to beams, by way; beams are drawn ids."""
    chosen = ids[np.random.default_rng(3).integers(0, len(ids), BATCH_SIZE * BEAM_SIZE)]
    log_probs = jnp.asarray(model.table)[chosen[:, 1] % TABLE_ROWS]
    beam_log_probs = -jnp.arange(BEAM_SIZE, dtype=jnp.float32) * jnp.ones((BATCH_SIZE, 1)) / 9
    runs, answers = {}, []
    for name, way in list(ways.items())[:2]:
        step, *arguments = way.third_step(way.index(ids), chosen, log_probs, beam_log_probs)

        @jax.jit
        def many(*arguments, step=step):
            # Every step waits for the one before; its sum is too great for the zero to be known.
            return jax.lax.fori_loop(0, STEPS, lambda _, zero: jnp.minimum(
                step(*arguments, zero)[1].sum(), 0), jnp.int32(0))

        answers.append(jax.jit(step)(*arguments, jnp.int32(0))[:2])
        runs[name] = functools.partial(many, *arguments)
        runs[name]()
    same = all(np.array_equal(a, b) for a, b in zip(*answers))
    return (", ".join(f"{name} {1000 * taken / STEPS:.0f} us" for name, taken in
                      interleaved_medians(runs, repeats).items())
            + f", answers {'equal' if same else 'DIFFER'}")


def interleaved_medians(functions: dict, repeats: int) -> dict[str, float]:
    """Median milliseconds of each, taking turns."""
    times = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            started = time.perf_counter()
            jax.block_until_ready(function())
            times[name].append(1000 * (time.perf_counter() - started))
    return {name: statistics.median(taken) for name, taken in times.items()}


def compare_with_static(checkout: Path | None, *, num_ids: int, repeats: int) -> None:
    """Prints the comparison, or that there is no checkout to compare with."""
    print(f"\n### Beside STATIC (arXiv 2602.22647)\n\n{num_ids} ids of {LENGTH} tokens, vocabulary "
          f"{VOCAB_SIZE}, batch {BATCH_SIZE}, {BEAM_SIZE} beams")
    if checkout is None:
        print("skipped: pass --static=CHECKOUT of github.com/youtube/static-constraint-decoding")
        return
    model, ids = TableModel(), random_ids(num_ids)
    ways = {"ours": Ours(model), "STATIC, 30 tokens a beam": Static(model, checkout, 30),
            "STATIC, 70 tokens a beam": Static(model, checkout, 70)}
    indexes, seconds = {}, {}
    for name, way in ways.items():
        started = time.perf_counter()
        indexes[name] = jax.block_until_ready(way.index(ids))
        seconds[name] = time.perf_counter() - started
        jax.block_until_ready(way.search(indexes[name]))  # compiles
    # What both do beside the trie: the stand-in for the model, and normalising.
    rows = jnp.zeros((BATCH_SIZE * BEAM_SIZE, 1), jnp.int32)
    around = jax.jit(lambda tokens: jax.nn.log_softmax(model(tokens, None)[0]))
    around(rows)
    times = interleaved_medians(
        {name: functools.partial(way.search, indexes[name]) for name, way in ways.items()}
        | {"model": functools.partial(around, rows)}, repeats)
    print(f"\nThe stand-in for a model takes {times.pop('model'):.2f} ms of every step\n\n"
          "| | build s | ms a step | to ours | on these ids | on 50 of them |\n"
          "|--|--:|--:|--:|--|--|")
    for name, way in ways.items():
        found = []
        for some, index in ((ids, indexes[name]), (ids[::len(ids) // 50][:50], None)):
            result = way.search(index if index is not None else way.index(some))
            tokens = result[0] if isinstance(result, tuple) else result
            found.append(exactness(model, some, np.asarray(tokens)[0]))
        print(f"| {name} | {seconds[name]:.2f} | {times[name] / LENGTH:.2f} | "
              f"{times[name] / times['ours']:.2f} | {' | '.join(found)} |", flush=True)
    print(f"\nNot slower a step: {'held' if times['ours'] <= min(times.values()) else 'MISSED'}")
    print("\nOne id more:\n")
    for name, way in ways.items():
        print(f"- {name}: {add_one_id(way, ids)}")
    print("\nThird step alone, from log-probabilities to beams:\n")
    for text, some in (("these ids", ids),
                       (f"and {WIDE} more below one prefix", with_wide_node(ids))):
        print(f"- {text}: {third_step(model, ways, some, repeats)}", flush=True)
