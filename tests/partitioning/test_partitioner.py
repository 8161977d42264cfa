import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jax.sharding import AbstractMesh, PartitionSpec

from gram_jax.core.errors import ConfigError
from gram_jax.models.params import abstract_params, logical_axes
from gram_jax.partitioning.mesh import MESH_AXES
from gram_jax.partitioning.partitioner import Partitioner
from gram_jax.partitioning.rules import DEFAULT_AXIS_RULES, axes_tuple, axis_rules
from gram_jax.testing.tiny_bert import tiny_bert_config
from gram_jax.testing.tiny_model import tiny_config

LOGICAL = [name for name, _ in DEFAULT_AXIS_RULES]


def partitioner(data=2, fsdp=2, model=2, rules=DEFAULT_AXIS_RULES):
    return Partitioner(AbstractMesh((data, fsdp, model), MESH_AXES), rules)


def mesh_axes(spec):
    return [name for part in spec if part for name in ([part] if isinstance(part, str) else part)]


@given(st.lists(st.sampled_from([*LOGICAL, None]), max_size=5))
def test_a_mesh_axis_splits_an_array_once_or_the_rules_conflict(axes):
    wanted = [name for axis in axes if axis is not None
              for name in axes_tuple(dict(DEFAULT_AXIS_RULES)[axis])]
    if twice := [name for name in MESH_AXES if wanted.count(name) > 1]:
        axes_named = rf"'\w+' and '\w+' conflict.*'(?:{'|'.join(twice)})'"
        with pytest.raises(ConfigError, match=axes_named):
            partitioner().partition_spec(tuple(axes))
        return
    spec = partitioner().partition_spec(tuple(axes))
    assert len(spec) == len(axes)
    assert len(mesh_axes(spec)) == len(set(mesh_axes(spec)))
    for axis, part in zip(axes, spec):
        allowed = dict(DEFAULT_AXIS_RULES).get(axis) or ()
        assert set(mesh_axes([part])) <= {allowed} | set(allowed)


def test_batches_are_split_over_data_and_fsdp():
    assert partitioner().batch_sharding.spec == PartitionSpec(("data", "fsdp"))


def test_a_changed_rule_takes_the_place_of_the_one_there_was():
    rules = axis_rules({"embed": None, "heads": ("fsdp", "model")})
    assert [axis for axis, _ in rules] == LOGICAL
    assert partitioner(rules=rules).partition_spec(("embed", "heads")) == PartitionSpec(
        None, ("fsdp", "model"))
    assert partitioner(rules=rules).partition_spec(("embed", "mlp")) == PartitionSpec(
        None, "model")
    assert axis_rules() == DEFAULT_AXIS_RULES
    with pytest.raises(ConfigError, match=r"'embd'; there are: batch.*embed"):
        axis_rules({"embd": None})


@pytest.mark.parametrize("rules, words", [
    ((("embed", "model"), *DEFAULT_AXIS_RULES),
     r"two rules for logical axis 'embed': 'model'.*fsdp"),
    ((("embed", "expert"),), r"'embed' names \['expert'\]"),
    ((("batch", ("data", "data")),), r"'batch' names a mesh axis twice"),
])
def test_rules_that_contradict_each_other_or_the_mesh_are_refused_by_name(rules, words):
    with pytest.raises(ConfigError, match=words):
        partitioner(rules=rules)


def test_rules_that_conflict_in_one_param_name_it_and_both_axes():
    rules = axis_rules({"embed": "model"})
    with pytest.raises(ConfigError, match=r"a/b: .*'embed' and 'mlp' conflict.*'model'"):
        partitioner(rules=rules).param_shardings(
            {"a": {"b": np.zeros((4, 4))}}, {"a": {"b": ("embed", "mlp")}})


def test_every_param_of_the_model_has_a_sharding_that_divides_it():
    params = abstract_params(tiny_config())
    shardings = partitioner().param_shardings(params, logical_axes(tiny_config()))
    jax.tree.map(lambda param, sharding: sharding.shard_shape(param.shape), params, shardings)
    assert shardings["token_embedder"]["embedding"].spec == PartitionSpec("model", "fsdp")


def test_words_without_logits_are_not_split_by_rows():
    config = tiny_bert_config(vocab_size=101, output_vocab_size=64)
    shardings = partitioner().param_shardings(abstract_params(config), logical_axes(config))
    assert shardings["token_embedder"]["embedding"].spec == PartitionSpec(None, "fsdp")
    assert shardings["decoder"]["token_embedder"]["embedding"].spec == PartitionSpec(
        "model", "fsdp")
    attention = shardings["encoder"]["layers_0"]["attention"]
    assert attention["query"]["kernel"].spec == PartitionSpec("fsdp", "model")
    assert attention["query"]["bias"].spec == PartitionSpec("model")


def test_errors_name_the_param_and_the_axis():
    array = np.zeros((6, 3))
    with pytest.raises(ConfigError, match=r"a/b: axis 'mlp' of size 3 .* 2 devices .*'model'"):
        partitioner().param_shardings({"a": {"b": array}}, {"a": {"b": ("embed", "mlp")}})
    with pytest.raises(ConfigError, match=r"no rule for logical axis 'mpl'.*mlp"):
        partitioner().param_shardings({"a": array}, {"a": ("embed", "mpl")})
    with pytest.raises(ValueError, match=r"a has shape \(6, 3\)"):
        partitioner().param_shardings({"a": array}, {"a": ("embed",)})


def test_a_batch_that_cannot_be_split_evenly_is_refused():
    partitioner().check_batch_size(8)
    with pytest.raises(ConfigError, match=r"batch size 6 .* 4 devices.*'batch'"):
        partitioner().check_batch_size(6)
    partitioner().check_batch_size(8, num_microbatches=2)
    with pytest.raises(ConfigError, match=r"batch size 8 in 4 microbatches .* 4 devices"):
        partitioner().check_batch_size(8, num_microbatches=4)
