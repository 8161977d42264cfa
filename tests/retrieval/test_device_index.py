"""What is said of an index's arrays without having them is true of those that are made."""

import jax
import numpy as np
import pytest

from gram_jax.retrieval.capacities import needed_capacities
from gram_jax.retrieval.device_index import abstract_index, device_index, index_logical_axes
from gram_jax.retrieval.scoring import ScoringHead
from tests.retrieval.conftest import random_index, random_learned_head

RNG = np.random.default_rng(0)
HEADS = (ScoringHead(), ScoringHead("jensen_shannon", "sum"), random_learned_head(RNG),
         random_learned_head(RNG, ("code",)), random_learned_head(RNG, ("lexical",)))


@pytest.mark.parametrize("scoring", HEADS)
def test_the_abstract_index_has_the_shapes_of_the_real_one(scoring):
    index = random_index(RNG)
    room = needed_capacities(index, scoring, beam_size=3)
    real = device_index(index, scoring, beam_size=3)
    abstract = abstract_index(room, scoring, beam_size=3, vocab_size=64, eos_id=1)
    assert real.capacities == room
    assert jax.tree.structure(abstract) == jax.tree.structure(real)
    for ours, theirs in zip(jax.tree.leaves(abstract), jax.tree.leaves(real)):
        assert ours.shape == theirs.shape and ours.dtype == theirs.dtype


@pytest.mark.parametrize("scoring", HEADS)
def test_every_axis_of_every_array_has_a_name(scoring):
    index = device_index(random_index(RNG), scoring, beam_size=3)
    axes = index_logical_axes(index)
    names = jax.tree.leaves(axes, is_leaf=lambda leaf: isinstance(leaf, tuple))
    arrays = jax.tree.leaves(index)
    assert len(names) == len(arrays)
    assert [len(axes) for axes in names] == [array.ndim for array in arrays]
