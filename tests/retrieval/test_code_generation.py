"""Generation finds what a plain beam search finds, in the order it was asked, killed or not."""

import dataclasses
import functools

import jax
import numpy as np
import pytest

from gram_jax.codes.code_table import CodeTable
from gram_jax.core.errors import ConfigError
from gram_jax.models.params import bind
from gram_jax.retrieval import code_generation, length_batches
from gram_jax.retrieval.code_generation import generate_codes
from gram_jax.retrieval.index import spell_codes
from gram_jax.testing.dict_trie import DictTrie
from gram_jax.testing.plain_beam_search import plain_beam_search
from gram_jax.testing.tiny_model import tiny_config, tiny_params
from gram_jax.text.encoding import encode_inputs
from gram_jax.text.prompts import product_input, query_input

MAX_LENGTH, ROUNDING, NUM_CODES = 12, 5e-5, 14


@functools.partial(jax.jit, static_argnames="config")
def log_softmax(config, params, text, inputs):
    return jax.nn.log_softmax(bind(config, params)(text, inputs))


@pytest.fixture(scope="module")
def sharp(world):
    """The world's model with logits so far apart that beams change places."""
    params = tiny_params(world.config, seed=4)
    params["decoder"]["logits_dense"]["kernel"] = 6.0 * params["decoder"]["logits_dense"]["kernel"]
    return dataclasses.replace(world, params=params)


def inputs_of(world):
    """Ids and texts of both sides, of many lengths, one of them empty."""
    texts = [*(query_input(query.text) for query in world.queries), query_input("  "),
             *(product_input(text) for text in world.texts)]
    return [f"t{at}" for at in range(len(texts))], texts


def generate(world, **options):
    settings = {"beam_size": 4, "batch_size": 3, "max_input_length": MAX_LENGTH}
    ids, inputs = inputs_of(world)
    return generate_codes(world.config, world.params, world.index.trie, world.table,
                          world.vocabulary, ids, inputs, **(settings | options))


def plain(world, text, *, beam_size, endings):
    """Codes and log-probabilities by the oracle, and how close the closest call was."""
    row = encode_inputs(world.vocabulary, [text], MAX_LENGTH)
    depth = world.index.trie.max_depth
    codes = [np.trim_zeros(tokens, "b")[:-1].tolist() for tokens in world.index.code_tokens]

    def log_probs_after(prefix):
        inputs = np.zeros((1, depth), np.int32)
        inputs[0, 1:len(prefix) + 1] = prefix
        found = log_softmax(world.config, world.params, row, inputs)
        return np.asarray(found[0, len(prefix)], np.float64)

    oracle = DictTrie(codes, eos_id=1)
    beams, margin = plain_beam_search(oracle, log_probs_after, beam_size=beam_size,
                                      endings=endings)
    return [oracle.code_id(beam.tokens) for beam in beams], [b.log_prob for b in beams], margin


@pytest.mark.parametrize("beam_size, endings", [(1, "all"), (4, "ranked"), (NUM_CODES + 3, "all")])
def test_every_text_has_the_codes_of_a_plain_beam_search(sharp, beam_size, endings):
    generated = generate(sharp, beam_size=beam_size, endings=endings)
    ids, texts = inputs_of(sharp)
    assert generated.ids == tuple(ids) and generated.table_digest == sharp.table.digest
    close_calls = 0
    for row, text in enumerate(texts):
        codes, log_probs = generated.of(row)
        if text == query_input(""):
            assert not len(codes)
            continue
        expected, expected_log_probs, margin = plain(sharp, text, beam_size=beam_size,
                                                     endings=endings)
        # A closer call than rounding may go either way.
        close_calls += margin < ROUNDING
        assert margin < ROUNDING or codes.tolist() == expected
        np.testing.assert_allclose(log_probs, expected_log_probs, atol=ROUNDING)
    assert close_calls < len(texts) / 3


def test_neither_the_batch_nor_the_order_of_the_texts_changes_what_one_gets(sharp):
    together = generate(sharp)
    ids, inputs = inputs_of(sharp)
    order = np.random.default_rng(0).permutation(len(ids))
    for batch_size in (1, 5, 64):
        moved = generate_codes(
            sharp.config, sharp.params, sharp.index.trie, sharp.table, sharp.vocabulary,
            [ids[at] for at in order], [inputs[at] for at in order], beam_size=4,
            batch_size=batch_size, max_input_length=MAX_LENGTH)
        for row, at in enumerate(order):
            np.testing.assert_array_equal(moved.of(row)[0], together.of(at)[0])
            np.testing.assert_allclose(moved.of(row)[1], together.of(at)[1], atol=ROUNDING)


class Stop(Exception):
    pass


def stop_after(count):
    def progress(iterable, description, total):
        for number, item in enumerate(iterable):
            if number == count:
                raise Stop
            yield item
    return progress


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(length_batches, "_TEXTS_A_CHUNK", 6)


@pytest.fixture
def searched(monkeypatch):
    """A list that grows by a chunk's texts when it is searched."""
    found, search_chunk = [], code_generation._search_chunk

    def counted(search, rows, chunk, batch_size):
        found.append(sum(len(batch.texts) for batch in chunk))
        return search_chunk(search, rows, chunk, batch_size)

    monkeypatch.setattr(code_generation, "_search_chunk", counted)
    return found


def test_what_was_stopped_goes_on_and_ends_with_the_bytes_of_a_run_that_was_not(
        sharp, tmp_path, small_chunks, searched):
    whole = generate(sharp)
    num_chunks = len(searched)
    assert num_chunks > 2 and searched[0] == 6
    for count in range(num_chunks):
        searched.clear()
        with pytest.raises(Stop):
            generate(sharp, folder=tmp_path / "chunks", progress=stop_after(count))
        assert len(searched) <= 1, "each run adds one chunk to those before"
    searched.clear()
    resumed = generate(sharp, folder=tmp_path / "chunks")
    assert len(searched) == 1, "only the last chunk is left"
    for name, generated in (("whole", whole), ("resumed", resumed)):
        generated.save(tmp_path / name)
    for file in (tmp_path / "whole").iterdir():
        assert file.read_bytes() == (tmp_path / "resumed" / file.name).read_bytes()


def test_chunks_of_other_parameters_or_settings_are_not_taken_up(
        sharp, world, tmp_path, small_chunks, searched):
    generate(sharp, folder=tmp_path)
    num_chunks = len(searched)
    for changed, options in ((world, {}), (sharp, {"beam_size": 3}), (sharp, {"batch_size": 2}),
                             (sharp, {"endings": "ranked"}), (sharp, {"max_input_length": 3})):
        searched.clear()
        found = generate(changed, folder=tmp_path, **options)
        assert len(searched) >= num_chunks
        assert found.digest == generate(changed, **options).digest
    searched.clear()
    generate(sharp, folder=tmp_path, max_input_length=3)
    assert not searched


def test_a_damaged_chunk_is_searched_again(sharp, tmp_path, small_chunks, searched):
    whole = generate(sharp, folder=tmp_path)
    chunk = sorted(tmp_path.iterdir())[1]
    chunk.write_bytes(chunk.read_bytes()[:100])
    searched.clear()
    assert generate(sharp, folder=tmp_path).digest == whole.digest
    assert len(searched) == 1


def test_progress_is_told_of_every_chunk(sharp, small_chunks):
    seen = []

    def progress(iterable, description, total):
        seen.append((description, total))
        for item in iterable:
            seen.append("chunk")
            yield item

    generate(sharp, description="code queries", progress=progress)
    assert seen[0] == ("code queries", len(seen) - 1) and len(seen) > 3


def test_a_length_compiles_once_however_many_texts_there_are(sharp):
    code_generation._program.cache_clear()
    generate(sharp, batch_size=2)
    program = code_generation._program(sharp.config, 4, "all", None)
    lengths = {1 + (len(text.split()) >= 8) for text in inputs_of(sharp)[1]}
    assert program._cache_size() <= len(lengths)


def test_no_texts_and_no_codes_give_no_codes(world):
    nothing = generate_codes(world.config, world.params, world.index.trie, world.table,
                             world.vocabulary, [], [])
    assert nothing.num_rows == 0 and not len(nothing.codes)
    empty = CodeTable.build({}, ("p0",))
    found = generate_codes(world.config, world.params, spell_codes(empty, world.vocabulary), empty,
                           world.vocabulary, ["q"], ["query: shoe"], batch_size=2)
    assert found.num_rows == 1 and not len(found.codes)


def test_what_does_not_fit_together_is_refused(world):
    arguments = [world.config, world.params, world.index.trie, world.table, world.vocabulary,
                 ["q"], ["query: shoe"]]
    with pytest.raises(ValueError, match="2 ids for 1 inputs"):
        generate_codes(*arguments[:5], ["q", "r"], ["query: shoe"])
    with pytest.raises(ValueError, match="14 codes, the table 0"):
        generate_codes(*arguments[:3], CodeTable.build({}, ("p0",)), *arguments[4:])
    with pytest.raises(ConfigError, match="tokens below 64, the model only below 32"):
        generate_codes(tiny_config(vocab_size=32), *arguments[1:])
    with pytest.raises(ValueError, match="beam_size is 0"):
        generate_codes(*arguments, beam_size=0)
    with pytest.raises(ValueError, match="batch_size is 0"):
        generate_codes(*arguments, batch_size=0)
