"""Beam search finds what a plain one finds, and never anything but a code."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.decoding.beam_search import beam_search
from gram_jax.models.cached_decoder import CachedDecoder
from gram_jax.models.params import bind
from gram_jax.testing.dict_trie import DictTrie
from gram_jax.testing.plain_beam_search import plain_beam_search
from gram_jax.testing.scripted_logits import ScriptedLogits
from gram_jax.testing.tiny_model import tiny_config, tiny_params
from gram_jax.text.encoding import with_eos
from gram_jax.trie.builder import build_trie

EOS_ID, VOCAB_SIZE, MAX_CODES = 1, 12, 24
MAX_DEPTH = 8  # one shape for all examples, so that they share compilations
ROUNDING = 5e-5

codes = st.lists(st.lists(st.integers(2, VOCAB_SIZE - 1), min_size=1, max_size=7).map(tuple),
                 unique=True, min_size=1, max_size=MAX_CODES)
queries = st.lists(st.lists(st.integers(1, 50), min_size=1, max_size=3), min_size=3, max_size=3)
seeds = st.integers(0, 2**31 - 1)
beam_sizes = st.sampled_from([1, 3, MAX_CODES])
normalizations = st.sampled_from(["vocabulary", "allowed"])
which_endings = st.sampled_from(["all", "ranked"])


def trie_of(codes):
    return build_trie(with_eos(codes, EOS_ID, MAX_DEPTH), vocab_size=VOCAB_SIZE, eos_id=EOS_ID,
                      max_depth=MAX_DEPTH)


def rows_of(queries):
    rows = np.zeros((len(queries), 3), np.int32)
    for row, query in zip(rows, queries):
        row[:len(query)] = query
    return rows


def search(decoder, codes, queries, **options):
    """NumPy beams, after checking all that holds whatever was searched."""
    beams = beam_search(decoder, trie_of(codes), rows_of(queries), **options)
    beams = jax.tree.map(np.asarray, beams)
    assert_well_formed(beams, DictTrie(codes, eos_id=EOS_ID))
    return beams


def assert_well_formed(beams, oracle):
    alive = beams.alive
    assert (alive[:, :-1] >= alive[:, 1:]).all(), "the alive come first"
    assert (beams.code_ids[~alive] == -1).all() and (beams.log_probs[~alive] == -np.inf).all()
    assert not beams.tokens[~alive].any() and not beams.token_log_probs[~alive].any()
    assert np.isfinite(beams.log_probs[alive]).all()
    assert (beams.log_probs[:, :-1] >= beams.log_probs[:, 1:]).all(), "best first"
    np.testing.assert_allclose(beams.token_log_probs[alive].sum(-1), beams.log_probs[alive],
                               atol=ROUNDING)
    assert (beams.token_log_probs <= 0).all()
    for row in range(len(alive)):
        ids = beams.code_ids[row, alive[row]]
        assert len(set(ids)) == len(ids), "each code at most once"
        for tokens, log_probs, code_id in zip(beams.tokens[row], beams.token_log_probs[row], ids):
            length = list(tokens).index(EOS_ID) + 1
            assert oracle.code_id(tuple(tokens[:length])) == code_id, "only codes"
            assert not tokens[length:].any() and not log_probs[length:].any()


def teacher_forced(decoder, query, tokens):
    return [decoder.log_probs_after(query, tokens[:i])[token] for i, token in enumerate(tokens)]


@given(codes, queries, seeds)
def test_with_as_many_beams_as_codes_every_code_comes_in_the_order_of_its_probability(
        codes, queries, seed):
    decoder = ScriptedLogits(VOCAB_SIZE, seed=seed)
    beams = search(decoder, codes, queries, beam_size=MAX_CODES)
    for row, query in enumerate(queries):
        forced = np.array([sum(teacher_forced(decoder, query, (*code, EOS_ID)))
                           for code in codes])
        assert beams.alive[row].sum() == len(codes)
        found = beams.code_ids[row, :len(codes)]
        assert sorted(found) == list(range(len(codes)))
        np.testing.assert_allclose(beams.log_probs[row, :len(codes)], forced[found],
                                   atol=ROUNDING)
        assert (np.diff(forced[found]) < ROUNDING).all()
        for code_id, log_probs in zip(found, beams.token_log_probs[row]):
            code = (*codes[code_id], EOS_ID)
            np.testing.assert_allclose(log_probs[:len(code)],
                                       teacher_forced(decoder, query, code), atol=ROUNDING)


@given(codes, queries, seeds, beam_sizes, normalizations, which_endings)
def test_with_few_beams_the_result_is_that_of_a_plain_beam_search(
        codes, queries, seed, beam_size, normalize, endings):
    decoder = ScriptedLogits(VOCAB_SIZE, seed=seed)
    oracle = DictTrie(codes, eos_id=EOS_ID)
    beams = search(decoder, codes, queries, beam_size=beam_size, normalize=normalize,
                   endings=endings)
    for row, query in enumerate(queries):
        expected, margin = plain_beam_search(
            oracle, lambda prefix, query=query: decoder.log_probs_after(query, prefix),
            beam_size=beam_size, normalize=normalize, endings=endings)
        alive = beams.alive[row]
        found = list(beams.code_ids[row, alive])
        assert len(found) == len(expected)
        # A closer call than rounding may go either way.
        assert margin < ROUNDING or found == [oracle.code_id(b.tokens) for b in expected]
        np.testing.assert_allclose(beams.log_probs[row, alive], [b.log_prob for b in expected],
                                   atol=ROUNDING)


@given(codes, queries, beam_sizes)
def test_equal_scores_are_ordered_as_a_plain_stable_search_orders_them(codes, queries, beam_size):
    flat = ScriptedLogits(VOCAB_SIZE, scale=0.0)
    oracle = DictTrie(codes, eos_id=EOS_ID)
    expected, _ = plain_beam_search(
        oracle, lambda prefix: flat.log_probs_after((1,), prefix), beam_size=beam_size)
    beams = search(flat, codes, queries, beam_size=beam_size)
    for row in range(len(queries)):
        found = list(beams.code_ids[row, beams.alive[row]])
        assert found == [oracle.code_id(beam.tokens) for beam in expected]


@pytest.mark.parametrize("codes", [[(2,), (2, 3)], [(2, 3), (2,)]])
def test_of_two_equal_codes_the_shorter_comes_first(codes):
    # After 2 the code ends or goes on with one half each, and after 3 it must end.
    flat = ScriptedLogits(VOCAB_SIZE, scale=0.0)
    beams = search(flat, codes, [[1], [2], [3]], beam_size=2, normalize="allowed")
    np.testing.assert_array_equal(beams.log_probs, np.full((3, 2), np.log(0.5), np.float32))
    assert (beams.code_ids == [codes.index((2,)), codes.index((2, 3))]).all()


@given(codes, queries, seeds, beam_sizes, st.permutations(range(3)))
def test_rows_do_not_see_one_another(codes, queries, seed, beam_size, order):
    decoder = ScriptedLogits(VOCAB_SIZE, seed=seed)
    beams = search(decoder, codes, queries, beam_size=beam_size)
    moved = search(decoder, codes, [queries[i] for i in order], beam_size=beam_size)
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(a[list(order)], b), beams, moved)


@given(codes, seeds, beam_sizes)
def test_a_row_of_padding_gets_no_beams_and_costs_the_others_nothing(codes, seed, beam_size):
    decoder = ScriptedLogits(VOCAB_SIZE, seed=seed)
    beams = search(decoder, codes, [[4, 2], [], [9]], beam_size=beam_size)
    others = search(decoder, codes, [[4, 2], [3], [9]], beam_size=beam_size)
    assert not beams.alive[1].any() and others.alive.all(axis=0)[0]
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(a[[0, 2]], b[[0, 2]]), beams, others)


@pytest.mark.parametrize("normalize", ["vocabulary", "allowed"])
def test_no_codes_and_one_code(normalize):
    decoder, queries = ScriptedLogits(VOCAB_SIZE), [[1], [2], [3]]
    none = search(decoder, [], queries, beam_size=7, normalize=normalize)
    assert not none.alive.any()
    one = search(decoder, [(5, 6, 7)], queries, beam_size=7, normalize=normalize)
    assert (one.alive == (np.arange(7) == 0)).all() and (one.code_ids[:, 0] == 0).all()
    if normalize == "allowed":
        np.testing.assert_allclose(one.log_probs[:, 0], 0.0, atol=ROUNDING)


def test_a_code_and_its_prefixes_are_all_found():
    nested = [(2,) * length for length in range(1, 8)]
    beams = search(ScriptedLogits(VOCAB_SIZE), nested, [[1], [2], [3]], beam_size=7)
    assert beams.alive.all()


def test_nodes_wider_than_a_wave_lose_nothing():
    rng = np.random.default_rng(0)
    vocab_size, beam_size = 2048, 40
    codes = list({tuple(row[:length]) for row, length in zip(
        np.minimum(rng.integers(2, vocab_size, (4000, 3)), [vocab_size, 9, vocab_size]).tolist(),
        rng.integers(1, 4, 4000))})
    decoder, oracle = ScriptedLogits(vocab_size, seed=3), DictTrie(codes, eos_id=EOS_ID)
    trie = build_trie(with_eos(codes, EOS_ID, 4), vocab_size=vocab_size, eos_id=EOS_ID)
    assert trie.row_starts[1] > 1500
    query = [4, 5]
    beams = jax.tree.map(np.asarray, beam_search(
        decoder, trie, np.asarray([query], np.int32), beam_size=beam_size))
    assert_well_formed(beams, oracle)
    expected, margin = plain_beam_search(
        oracle, lambda prefix: decoder.log_probs_after(query, prefix), beam_size=beam_size)
    np.testing.assert_allclose(beams.log_probs[0], [b.log_prob for b in expected], atol=ROUNDING)
    assert margin < 1e-5 or list(beams.code_ids[0]) == [oracle.code_id(b.tokens)
                                                        for b in expected]


@dataclasses.dataclass(frozen=True)
class Spoiled(ScriptedLogits):
    """Logits of which some are NaN or -inf."""

    spoil: float = -np.inf

    def step(self, cache, tokens, position):
        logits, cache = super().step(cache, tokens, position)
        return jnp.where(logits < self.scale / 2, self.spoil, logits), cache


jax.tree_util.register_dataclass(Spoiled, ["seed", "scale", "spoil"], ["vocab_size"])


@given(codes, queries, seeds, st.sampled_from([-np.inf, np.nan, np.inf]), normalizations)
def test_logits_that_are_no_numbers_never_make_an_invalid_code(
        codes, queries, seed, spoil, normalize):
    search(Spoiled(VOCAB_SIZE, seed=seed, spoil=spoil), codes, queries, beam_size=7,
           normalize=normalize)


def test_changing_codes_within_the_capacity_compiles_nothing():
    decoder, queries = ScriptedLogits(VOCAB_SIZE), [[1], [2], [3]]
    search(decoder, [(2, 3)], queries, beam_size=2)
    before = beam_search._cache_size()
    search(dataclasses.replace(decoder, seed=9), [(2, 3), (4, 5, 6), (7,)], queries, beam_size=2)
    assert beam_search._cache_size() == before


@pytest.mark.parametrize("options, message", [
    ({"beam_size": 0}, "beam_size is 0"),
    ({"beam_size": 2, "normalize": "beams"}, "known are"),
])
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        beam_search(ScriptedLogits(VOCAB_SIZE), trie_of([(2,)]), rows_of([[1]]), **options)


def test_a_trie_of_another_vocabulary_or_a_lone_query_is_refused():
    with pytest.raises(ValueError, match="below 12 but the decoder has logits for 8"):
        beam_search(ScriptedLogits(8), trie_of([(2,)]), rows_of([[1]]), beam_size=2)
    with pytest.raises(ValueError, match="batch, encoder_length"):
        beam_search(ScriptedLogits(VOCAB_SIZE), trie_of([(2,)]), np.array([1]), beam_size=2)


def test_the_model_gives_every_code_its_teacher_forced_log_probability():
    config = tiny_config(vocab_size=VOCAB_SIZE)
    params = tiny_params(config, seed=3)
    # Sharper than random parameters are, so that beams really change places.
    params["decoder"]["logits_dense"]["kernel"] = 6.0 * params["decoder"]["logits_dense"]["kernel"]
    codes = [(2,), (2, 3), (2, 3, 4), (5, 3), (5, 3, 9), (7, 7, 7, 7), (11, 2), (5, 10, 4, 2, 6)]
    queries = [[3, 4, 1], [9, 1], [5, 5, 5]]
    beams = search(CachedDecoder(config, params), codes, queries, beam_size=12)
    forward = jax.jit(lambda *tokens: bind(config, params)(*tokens))
    np.testing.assert_array_equal(beams.alive.sum(axis=1), len(codes))
    shape = beams.tokens.shape
    targets = jnp.asarray(beams.tokens).reshape(-1, shape[-1])
    inputs = jnp.pad(targets, ((0, 0), (1, 0)))[:, :-1]
    logits = forward(jnp.repeat(jnp.asarray(rows_of(queries)), shape[1], axis=0), inputs)
    forced = jnp.take_along_axis(jax.nn.log_softmax(logits), targets[..., None], axis=-1)[..., 0]
    forced = np.where(beams.tokens == 0, 0.0, np.asarray(forced).reshape(shape))
    np.testing.assert_allclose(beams.token_log_probs, forced, atol=ROUNDING)
    assert beams.log_probs[0, 0] != beams.log_probs[1, 0], "the query matters"
