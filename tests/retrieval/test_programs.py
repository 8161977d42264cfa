"""Swaps of the index without compiling, and what is refused before anything runs."""

import contextlib
import dataclasses
import threading

import jax
import numpy as np
import pytest

from gram_jax.codes.code import Code
from gram_jax.codes.code_table import CodeTable
from gram_jax.core.errors import ArtifactError, ConfigError, InputError
from gram_jax.models.code_score import HEADS
from gram_jax.models.config import ModelConfig
from gram_jax.retrieval import programs as programs_module
from gram_jax.retrieval.buckets import Buckets
from gram_jax.retrieval.device_index import device_index
from gram_jax.retrieval.generative import GenerativeRetriever
from gram_jax.retrieval.index import RetrievalIndex
from gram_jax.retrieval.programs import RetrievePrograms
from gram_jax.retrieval.retrieve import RetrieveSettings, retrieve
from gram_jax.retrieval.scoring import ScoringHead
from gram_jax.testing.tiny_model import tiny_config
from gram_jax.text.encoding import with_eos
from gram_jax.trie.builder import build_trie

COMPILED = "/jax/core/compile/backend_compile_duration"
ROWS = np.array([[5, 6, 1, 0], [7, 1, 0, 0]], np.int32)


@contextlib.contextmanager
def count_compilations():
    """A list that grows by one with each program that XLA compiles."""
    found = []

    def listen(event, duration, **_):
        if event == COMPILED:
            found.append(duration)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield found
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


def drawn_index(world, num_codes, *, num_products=40, seed=0):
    """Codes of drawn tokens and probabilities, for the params of the world."""
    rng = np.random.default_rng(seed)
    codes = [Code(f"v{i:05}", (("modifier", f"v{i:05}"),)) for i in range(num_codes)]
    table = CodeTable.build({code: rng.choice(num_products, 3) for code in codes},
                            [f"p{i}" for i in range(num_products)])
    rows = {tuple(rng.integers(2, 60, rng.integers(1, 7)).tolist()): None
            for _ in range(4 * num_codes)}
    trie = build_trie(with_eos(list(rows)[:num_codes], 1, 8), vocab_size=64, eos_id=1, max_depth=8)
    log_probs = -rng.uniform(0, 3, (table.num_postings, 8)).astype(np.float16)
    log_probs[trie.code_tokens[table.posting_codes] == 0] = 0
    return RetrievalIndex(table, trie, log_probs, world.index.params_digest)


def programs_of(world, index, **changes):
    settings = {"beam_size": 3, "num_products": 5, "buckets": Buckets((1, 2), (8,))}
    return RetrievePrograms(world.config, world.params, index, ScoringHead(),
                            **(settings | changes))


def assert_answers_alike(found, expected):
    for ours, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(expected)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def test_what_is_warm_compiles_no_more(world):
    programs = programs_of(world, drawn_index(world, 30))
    programs.warm()
    with count_compilations() as compiled:
        for rows in (ROWS, ROWS[:1], ROWS[1:, :2]):
            for k in (1, 5):
                programs.run(rows, k=k)
        assert not compiled
        programs.run(ROWS, k=6)
        assert compiled


def test_codes_and_products_come_and_go_inside_a_class_without_compiling(world):
    programs = programs_of(world, drawn_index(world, 30))
    programs.warm()
    for num_codes, num_products in ((31, 40), (29, 44), (60, 300), (1, 40)):
        index = drawn_index(world, num_codes, num_products=num_products, seed=num_codes)
        with count_compilations() as compiled:
            done = programs.swap(index)
            found = programs.run(ROWS, k=5)
        assert done.done() and done.result() is False and not compiled
        assert programs.serving.index is index
        assert_answers_alike(found, programs_of(world, index).run(ROWS, k=5))


def test_a_new_class_compiles_beside_the_requests_that_the_old_index_answers(world, monkeypatch):
    old, new = drawn_index(world, 30), drawn_index(world, 400, num_products=300)
    programs = programs_of(world, old)
    expected = programs.run(ROWS, k=5)
    let_go, compiling_threads = threading.Event(), []
    call = RetrievePrograms._call

    def slow_call(self, rows, settings, index):
        if threading.current_thread() is not threading.main_thread():
            compiling_threads.append(threading.current_thread())
            assert let_go.wait(60)
        return call(self, rows, settings, index)

    monkeypatch.setattr(RetrievePrograms, "_call", slow_call)
    done = programs.swap(new)
    with count_compilations() as compiled:
        assert_answers_alike(programs.run(ROWS, k=5), expected)
        assert not compiled and not done.done() and programs.serving.index is old
        let_go.set()
        assert done.result(timeout=120) is True
        assert compiled and programs.serving.index is new
    with count_compilations() as compiled:
        found = programs.run(ROWS, k=5)
    assert not compiled and compiling_threads
    assert_answers_alike(found, programs_of(world, new).run(ROWS, k=5))


def test_an_index_that_shrank_keeps_the_room_of_the_one_before(world):
    large, small = drawn_index(world, 400, num_products=300), drawn_index(world, 5)
    programs = programs_of(world, large)
    programs.warm()
    with count_compilations() as compiled:
        assert programs.swap(small).result() is False
        programs.run(ROWS, k=5)
    assert not compiled


def test_of_several_swaps_the_last_one_wins(world, monkeypatch):
    let_go, install = threading.Event(), RetrievePrograms._compile_and_install

    def slow(self, *arguments):
        assert let_go.wait(60)
        install(self, *arguments)

    monkeypatch.setattr(RetrievePrograms, "_compile_and_install", slow)
    programs = programs_of(world, drawn_index(world, 30))
    pending = programs.swap(drawn_index(world, 400, num_products=300))
    last = drawn_index(world, 31)
    programs.swap(last)
    let_go.set()
    pending.result(timeout=120)
    assert programs.serving.index is last


def test_an_error_while_compiling_reaches_who_waits_and_the_old_index_answers(world, monkeypatch):
    programs = programs_of(world, drawn_index(world, 30))
    programs.run(ROWS, k=5)
    before = programs.serving

    def broken(*_, **__):
        raise RuntimeError("no memory")

    with monkeypatch.context() as patch:
        patch.setattr(programs_module, "retrieve", broken)
        done = programs.swap(drawn_index(world, 400, num_products=300))
        with pytest.raises(RuntimeError, match="no memory"):
            done.result(timeout=60)
    assert programs.serving is before
    programs.run(ROWS, k=5)


@pytest.mark.parametrize("head", sorted(HEADS))
def test_an_index_without_codes_and_a_row_without_tokens_find_nothing(world, head):
    trie = build_trie(np.zeros((0, 1), np.int32), vocab_size=64, eos_id=1)
    empty = RetrievalIndex(CodeTable.build({}, ("p0",)), trie,
                           np.zeros((0, trie.max_depth), np.float16), world.index.params_digest)
    for index, rows in ((empty, ROWS), (world.index, np.zeros((2, 3), np.int32))):
        programs = RetrievePrograms(world.config, world.params, index, ScoringHead(head),
                                    beam_size=3, num_products=5, buckets=Buckets((2,), (8,)))
        found = programs.run(rows, k=4)
        assert found.products.shape == (2, 4)
        assert (found.products == -1).all() and (found.codes == -1).all()
        assert (found.scores == -np.inf).all() and not found.beams.alive.any()


@pytest.mark.parametrize("token", [-1, 64, 2**31 - 1])
def test_tokens_out_of_range_are_refused_by_place(world, token):
    programs = programs_of(world, drawn_index(world, 30))
    rows = ROWS.copy()
    rows[1, 2] = token
    with pytest.raises(InputError, match=rf"query 1 has token {token} at place 2"):
        programs.run(rows, k=5)


@pytest.mark.parametrize("rows", [np.ones(3, np.int32), np.ones((2, 3), np.float32)])
def test_what_is_no_row_of_tokens_is_refused(world, rows):
    with pytest.raises(InputError, match="integers"):
        programs_of(world, world.index).run(rows, k=5)


def test_no_products_cannot_be_asked_for(world):
    with pytest.raises(ConfigError, match="k is 0"):
        programs_of(world, world.index).run(ROWS, k=0)


def test_an_index_of_other_parameters_is_refused(world):
    other = dataclasses.replace(world.index, params_digest="0" * 16, digest="")
    with pytest.raises(ArtifactError, match="built with parameters"):
        programs_of(world, world.index).swap(other)
    with pytest.raises(ArtifactError, match="built with parameters"):
        GenerativeRetriever(world.config, world.params, other, world.vocabulary,
                            head="log_prob_sum", score_params=ScoringHead().params)


def test_an_index_with_tokens_that_the_model_lacks_is_refused(world):
    small = ModelConfig(**dataclasses.asdict(tiny_config(vocab_size=32)))
    with pytest.raises(ConfigError, match="tokens below 64"):
        RetrievePrograms(small, world.params, world.index, ScoringHead(), beam_size=3,
                         num_products=5, buckets=Buckets((1,), (8,)))


def test_more_beams_or_another_head_than_the_index_was_made_for_are_refused(world):
    index = device_index(world.index, ScoringHead("log_prob_sum"), beam_size=4)
    settings = RetrieveSettings(beam_size=5, num_products=5, head="log_prob_sum", reduce="best")
    with pytest.raises(ConfigError, match="room for the candidates of 4"):
        retrieve(world.params, index, ROWS, config=world.config, settings=settings)
    settings = dataclasses.replace(settings, beam_size=4, head="jensen_shannon")
    with pytest.raises(ConfigError, match="jensen_shannon"):
        retrieve(world.params, index, ROWS, config=world.config, settings=settings)
