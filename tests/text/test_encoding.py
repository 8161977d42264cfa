"""Rows end in EOS, are padded with 0, and only sources are ever cut."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.core.errors import ConfigError
from gram_jax.text.encoding import encode_codes, encode_inputs, encode_prompted, with_eos
from gram_jax.text.prompts import product_input, query_input

text_lists = st.lists(st.text(max_size=20), max_size=4)


@given(text_lists, st.integers(1, 12))
def test_inputs_are_the_first_tokens_and_eos(vocabulary, texts, max_length):
    rows = encode_inputs(vocabulary, texts, max_length)
    assert rows.shape == (len(texts), max_length) and rows.dtype == np.int32
    for row, tokens in zip(rows, vocabulary.encode(texts)):
        expected = [*tokens[: max_length - 1], vocabulary.eos_id]
        assert row.tolist() == expected + [0] * (max_length - len(expected))


class Marked:
    """A vocabulary whose texts start with a mark, over the letters."""

    vocab_size = output_vocab_size = 40
    eos_id = 1
    start_ids = (2,)

    def encode(self, texts):
        return [[ord(letter) - ord("a") + 3 for letter in text] for text in texts]


@given(st.lists(st.text("abcxyz", max_size=8), max_size=4), st.integers(2, 9))
def test_inputs_start_with_the_vocabularys_marks_and_codes_do_not(texts, max_length):
    rows = encode_inputs(Marked(), texts, max_length)
    for row, tokens in zip(rows, Marked().encode(texts)):
        expected = [2, *tokens[: max_length - 2], 1]
        assert row.tolist() == expected + [0] * (max_length - len(expected))
    assert not (encode_codes(Marked(), texts) == 2).any()


def test_marks_need_room_too():
    assert encode_inputs(Marked(), ["a"], 2).tolist() == [[2, 1]]
    with pytest.raises(ValueError, match="no room"):
        encode_inputs(Marked(), ["a"], 1)


@given(text_lists, st.sampled_from([query_input, product_input]))
def test_a_prompt_without_a_text_behind_it_is_padding_alone(vocabulary, texts, prompted):
    inputs = [prompted(text) for text in (*texts, "", " \t")]
    rows, plain = encode_prompted(vocabulary, inputs, 9), encode_inputs(vocabulary, inputs, 9)
    says_something = [text != prompted("") for text in inputs]
    np.testing.assert_array_equal(rows, np.where(np.array(says_something)[:, None], plain, 0))
    assert not any(says_something[-2:])


@given(text_lists)
def test_codes_come_back_whole(vocabulary, codes):
    rows = encode_codes(vocabulary, codes)
    assert vocabulary.decode(rows) == vocabulary.decode(vocabulary.encode(codes))
    assert all(np.count_nonzero(row == vocabulary.eos_id) == 1 for row in rows)
    assert not len(codes) or (rows[:, -1] == vocabulary.eos_id).any()


def test_a_code_that_does_not_fit_is_named(vocabulary):
    fitting = encode_codes(vocabulary, ["red shoe"]).shape[1]
    assert encode_codes(vocabulary, ["red shoe"], fitting).shape == (1, fitting)
    with pytest.raises(ConfigError, match=rf"'red shoe' needs {fitting} tokens.*{fitting - 1}"):
        encode_codes(vocabulary, ["red", "red shoe"], fitting - 1)


def test_inputs_need_room_for_eos(vocabulary):
    with pytest.raises(ValueError, match="no room"):
        encode_inputs(vocabulary, ["x"], 0)


def test_rows_too_long_are_refused():
    assert with_eos([[5], [5, 6]], 1, 3).tolist() == [[5, 1, 0], [5, 6, 1]]
    with pytest.raises(ValueError, match="3 tokens"):
        with_eos([[5], [5, 6, 7]], 1, 3)
