"""Stored preferences come back as they were, and belong to one table and one model."""

import dataclasses

import numpy as np
import pytest

from gram_jax.codes.preferences import NONE
from gram_jax.core.errors import ArtifactError
from gram_jax.data.preference_store import CodeLogProbs, PreferenceStore, codes_of_texts
from gram_jax.testing.preference_world import NUM_CODES, preference_world

OF = {"table_digest": "table", "params_digest": "params"}


def test_what_is_saved_is_what_is_loaded(tmp_path):
    store, _, _ = preference_world()
    store.save(tmp_path / "preferences.npz")
    again = PreferenceStore.load(tmp_path / "preferences.npz", **OF)

    def assert_same(one, other):
        for field in dataclasses.fields(one):
            mine, yours = getattr(one, field.name), getattr(other, field.name)
            if dataclasses.is_dataclass(mine):
                assert_same(mine, yours)
            elif isinstance(mine, np.ndarray):
                assert mine.dtype == yours.dtype
                np.testing.assert_array_equal(mine, yours)
            else:
                assert mine == yours and type(mine) is type(yours), field.name

    assert_same(store, again)


@pytest.mark.parametrize("other", [{"table_digest": "x"}, {"params_digest": "x"}])
def test_preferences_of_other_codes_or_another_model_are_refused(tmp_path, other):
    preference_world()[0].save(tmp_path / "preferences.npz")
    with pytest.raises(ArtifactError, match="build them again"):
        PreferenceStore.load(tmp_path / "preferences.npz", **(OF | other))


@pytest.mark.parametrize("content", [None, b"", b"no arrays"])
def test_what_cannot_be_read_is_said(tmp_path, content):
    path = tmp_path / "preferences.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ArtifactError, match="Remove the file"):
        PreferenceStore.load(path, **OF)


def test_every_code_of_a_preference_is_scored_once_for_each_text():
    store, _, _ = preference_world()
    found = store.preferences
    texts, codes = codes_of_texts(found, store.pair_queries, NUM_CODES)
    expected = set()
    for row, pair in enumerate(found.pairs):
        named = [found.winners[row], *found.losers[row], *found.positives[row]]
        expected |= {(int(store.pair_queries[pair]), int(code)) for code in named if code != NONE}
    assert list(zip(texts.tolist(), codes.tolist())) == sorted(expected)


def test_codes_are_found_under_their_texts():
    scored = CodeLogProbs(np.int32([0, 0, 2]), np.int32([1, 4, 1]),
                          np.float32([[-1, 0], [-2, -3], [-4, -5]]), 5)
    found = scored.find(np.array([2, 0]), np.array([[1, NONE], [4, 1]]))
    np.testing.assert_array_equal(found, [[[-4, -5], [0, 0]], [[-2, -3], [-1, 0]]])
    for text, code in ((1, 1), (2, 4), (0, 0)):
        with pytest.raises(ValueError, match="no log-probability"):
            scored.find(np.array([text]), np.array([[code]]))


def test_unsorted_pairs_are_refused():
    with pytest.raises(ValueError, match="do not rise"):
        CodeLogProbs(np.int32([0, 0]), np.int32([1, 1]), np.zeros((2, 1), np.float32), 5)
