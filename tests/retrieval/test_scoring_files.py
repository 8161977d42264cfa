import dataclasses

import jax
import numpy as np
import pytest

from gram_jax.core.errors import ArtifactError
from gram_jax.models.code_score import CodeScoreParams
from gram_jax.retrieval.scoring import ScoringHead
from gram_jax.retrieval.scoring_files import load_scoring, save_scoring
from tests.retrieval.conftest import random_learned_head

WEIGHTS = CodeScoreParams(np.array([1, 2, 3], np.float32), np.array([4, 5, 6], np.float32))
RNG = np.random.default_rng(0)
HEADS = (ScoringHead(), ScoringHead("jensen_shannon", "sum", WEIGHTS), random_learned_head(RNG),
         random_learned_head(RNG, ("code",), num_scored=7, hidden_size=0))


@pytest.mark.parametrize("scoring", HEADS)
def test_a_head_comes_back_as_it_was(scoring, tmp_path):
    save_scoring(tmp_path / "heads" / "head", scoring)
    found = load_scoring(tmp_path / "heads" / "head")
    assert (found.head, found.reduce) == (scoring.head, scoring.reduce)
    assert jax.tree.structure(found.params) == jax.tree.structure(scoring.params)
    for ours, theirs in zip(jax.tree.leaves(found.params), jax.tree.leaves(scoring.params)):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", ["head.json", "head.npz"])
def test_a_missing_or_damaged_file_is_refused(name, tmp_path):
    save_scoring(tmp_path / "head", HEADS[2])
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:50])
    with pytest.raises(ArtifactError, match="whole scoring head"):
        load_scoring(tmp_path / "head")
    (tmp_path / name).unlink()
    with pytest.raises(ArtifactError, match="whole scoring head"):
        load_scoring(tmp_path / "head")


def test_parts_that_do_not_fit_each_other_are_refused():
    with pytest.raises(ValueError, match="not those of 'learned'"):
        ScoringHead("learned", None)
    with pytest.raises(ValueError, match="not those of 'log_prob_sum'"):
        dataclasses.replace(HEADS[2], head="log_prob_sum", reduce="best")
    with pytest.raises(ValueError, match="'best' is not one of None"):
        dataclasses.replace(HEADS[2], reduce="best")
