import jax
import numpy as np
import pytest
from jax.sharding import AbstractMesh, PartitionSpec

from gram_jax.models.params import abstract_params, logical_axes
from gram_jax.partitioning.mesh import MESH_AXES
from gram_jax.partitioning.partitioner import Partitioner
from gram_jax.testing.tiny_model import tiny_config
from gram_jax.training.optimizers import adafactor, adamw
from gram_jax.training.schedules import warmup_constant
from gram_jax.training.train_state import abstract_train_state, init_train_state

SPLIT = Partitioner(AbstractMesh((2, 2, 2), MESH_AXES))


@pytest.mark.parametrize("make, num_moments", [(adamw, 2), (adafactor, 1)])
def test_moments_live_where_their_params_do(make, num_moments):
    """No param is longer than 64, so Adafactor factors none of their moments either."""
    params, axes = abstract_params(tiny_config()), logical_axes(tiny_config())
    state = abstract_train_state(params, axes, make(warmup_constant(peak=1e-3)), SPLIT)
    found = jax.tree_util.tree_leaves_with_path(state.opt_state)
    for path, param in jax.tree_util.tree_leaves_with_path(state.params):
        moments = [leaf for place, leaf in found
                   if place[-len(path):] == path and leaf.shape == param.shape]
        assert len(moments) == num_moments
        assert all(moment.sharding == param.sharding for moment in moments)
    counts = [leaf for _, leaf in found if leaf.shape == ()]
    assert counts and all(count.sharding.spec == PartitionSpec() for count in counts)


def test_factored_moments_are_held_whole():
    params = {"a": jax.ShapeDtypeStruct((8, 4), np.float32)}
    optimizer = adafactor(warmup_constant(peak=1e-3), min_factored_size=4)
    state = abstract_train_state(params, {"a": ("vocab", "embed")}, optimizer, SPLIT)
    assert state.params["a"].sharding.spec == PartitionSpec("model", "fsdp")
    assert {leaf.shape for leaf in jax.tree.leaves(state.opt_state)} >= {(8,), (4,)}
    for leaf in jax.tree.leaves(state.opt_state):
        assert leaf.sharding.spec == PartitionSpec()


def test_a_state_is_built_as_its_abstract_one_says_from_a_copy_of_the_params(toy):
    optimizer = adamw(warmup_constant(peak=1e-3))
    abstract = abstract_train_state(
        toy.params, toy.logical_axes, optimizer, Partitioner(toy.mesh))
    state = init_train_state(toy.params, optimizer, 5, abstract)
    described = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=leaf.sharding), state)
    assert described == abstract
    jax.tree.map(np.testing.assert_array_equal, state.params, toy.params)
    state.params["embedding"].delete()
    assert toy.params["embedding"].shape == (64, 8)
