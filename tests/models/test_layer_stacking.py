"""Scanned layers are the same layers: the same numbers, files, digests and answers."""

import dataclasses
import functools

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.core.errors import ArtifactError
from gram_jax.interop.huggingface import state_dict
from gram_jax.models.cached_decoder import CachedDecoder
from gram_jax.models.layer_stacking import is_stacked, stack_layers, unstack_layers
from gram_jax.models.objectives import code_generation_objective
from gram_jax.models.params import (
    abstract_params,
    digest_params,
    init_params,
    load_params,
    logical_axes,
    named_params,
    replace_params,
    save_params,
)
from gram_jax.testing.seekable_batches import SeekableBatches
from gram_jax.testing.tiny_bert import tiny_bert_config
from gram_jax.testing.tiny_model import tiny_config

T5 = tiny_config(num_encoder_layers=2, num_decoder_layers=2)
CONFIGS = {
    "t5": T5,
    "umt5": dataclasses.replace(T5, per_layer_relative_bias=True, feed_forward="relu"),
    "bert": tiny_bert_config(vocab_size=64, output_vocab_size=64),
}


def scanned(config, **changes):
    return dataclasses.replace(config, scan_layers=True, **changes)


def assert_same(tree, other):
    jax.tree.map(np.testing.assert_array_equal, tree, other)


def trees(leaf):
    """Nested folders in which some hold layers of one shape."""
    layer = st.dictionaries(st.sampled_from(["kernel", "norm"]), leaf, min_size=1)
    layers = st.tuples(layer, st.integers(1, 11)).map(lambda drawn: {
        f"layers_{i}": {name: array + i for name, array in drawn[0].items()}
        for i in range(drawn[1])})
    folder = st.dictionaries(st.sampled_from(["bias", "out"]), leaf)
    return st.dictionaries(
        st.sampled_from(["encoder", "decoder", "table"]),
        st.one_of(leaf, folder, st.builds(lambda a, b: a | b, layers, folder)))


@given(trees(st.sampled_from([np.arange(3.0), np.ones((2, 2), np.float32), np.float64(4)])))
def test_unstacking_undoes_stacking(tree):
    stacked = stack_layers(tree)
    assert is_stacked(stacked) == any(
        isinstance(node, dict) and "layers_0" in node for node in tree.values())
    back = unstack_layers(stacked)
    assert jax.tree.structure(back) == jax.tree.structure(tree)
    assert_same(back, tree)


@pytest.mark.parametrize("name", CONFIGS)
def test_the_scanned_model_has_the_stacked_params_of_the_other(name):
    config = CONFIGS[name]
    params, stacked = init_params(config, 3), init_params(scanned(config), 3)
    assert_same(stacked, stack_layers(params))
    assert_same(unstack_layers(stacked), params)
    shapes = abstract_params(scanned(config))
    assert shapes == stack_layers(abstract_params(config))
    assert unstack_layers(shapes) == abstract_params(config)
    assert jax.tree.map(lambda array: array.shape, stacked) == jax.tree.map(
        lambda leaf: leaf.shape, shapes)
    axes = dict(named_params(logical_axes(scanned(config))))
    for path, array in named_params(stacked):
        assert len(axes[path]) == array.ndim
        assert (axes[path][0] == "layers") == ("/layers/" in path)


def test_layers_that_do_not_go_together_are_refused_by_name():
    kernel = np.zeros((2, 2))
    with pytest.raises(ArtifactError, match="layers_1 is missing; there are layers_0, layers_2"):
        stack_layers({"layers_0": {"a": kernel}, "layers_2": {"a": kernel}})
    with pytest.raises(ArtifactError, match="not all alike"):
        stack_layers({"layers_0": {"a": kernel}, "layers_1": {"b": kernel}})
    for leaf in (np.zeros, lambda shape: jax.ShapeDtypeStruct(shape, np.float32)):
        with pytest.raises(ArtifactError, match="not all alike"):
            stack_layers({"layers_0": {"a": leaf((2,))}, "layers_1": {"a": leaf((3,))}})


def test_files_and_digests_do_not_tell_how_layers_are_held(tmp_path):
    params, stacked = init_params(T5, 0), init_params(scanned(T5), 0)
    assert digest_params(stacked) == digest_params(params)
    save_params(tmp_path / "a.npz", stacked)
    assert_same(load_params(tmp_path / "a.npz", T5), params)
    assert_same(load_params(tmp_path / "a.npz", scanned(T5)), stacked)
    with pytest.raises(ArtifactError, match=r"encoder/layers_2/.* is missing"):
        load_params(tmp_path / "a.npz", scanned(T5, num_encoder_layers=3))


def test_pretrained_layers_take_their_places_in_the_stack():
    path = "encoder/layers_1/mlp/wo/kernel"
    given_kernel = np.full((32, 16), 7.0, np.float32)
    replaced = replace_params(init_params(scanned(T5), 0), {path: given_kernel})
    assert_same(replaced, stack_layers(replace_params(init_params(T5, 0), {path: given_kernel})))


def test_other_libraries_get_layers_one_by_one():
    config = dataclasses.replace(T5, tie_embeddings=True)
    expected = state_dict(init_params(config, 0), config)
    found = state_dict(init_params(scanned(config), 0), scanned(config))
    assert found.keys() == expected.keys()
    assert_same(found, expected)


def value_and_grads(config, params, rng=None):
    objective = code_generation_objective(config)
    batch = next(SeekableBatches(batch_size=3, length=5))
    return jax.jit(jax.value_and_grad(lambda params: objective(params, batch, rng).loss_sum))(
        params)


@functools.cache
def one_by_one(name):
    """What the model of independent layers that keeps everything makes of the same params."""
    return value_and_grads(CONFIGS[name], init_params(CONFIGS[name], 1))


def assert_close(found, expected):
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-6)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=2e-5),
                 unstack_layers(found[1]), unstack_layers(expected[1]))


@pytest.mark.parametrize("name, scan, remat", [
    ("t5", True, "none"), ("t5", False, "full"), ("umt5", True, "minimal"), ("bert", True, "full"),
])
def test_scanning_and_rematerialising_change_neither_loss_nor_gradients(name, scan, remat):
    config = dataclasses.replace(CONFIGS[name], scan_layers=scan, remat=remat)
    assert_close(value_and_grads(config, init_params(config, 1)), one_by_one(name))


def test_scanned_layers_and_layers_one_by_one_lose_the_same_features():
    """Under remat each layer has bytes of its own either way."""
    config, rng = dataclasses.replace(T5, dropout_rate=0.3, remat="full"), jax.random.key(0)
    found = value_and_grads(config, init_params(config, 1), rng)
    assert_close(value_and_grads(scanned(config), init_params(scanned(config), 1), rng), found)
    assert abs(found[0] - one_by_one("t5")[0]) > 1e-3 * abs(found[0])


def test_logits_some_tokens_at_a_time_change_neither():
    config = dataclasses.replace(T5, max_logit_tokens=4)
    assert_close(value_and_grads(config, init_params(config, 1)), one_by_one("t5"))


@pytest.mark.parametrize("scan", [False, True])
def test_the_more_is_computed_again_the_less_is_kept(scan):
    def kept_bytes(remat):
        config = dataclasses.replace(T5, scan_layers=scan, remat=remat)
        objective = code_generation_objective(config)
        batch = next(SeekableBatches(batch_size=16, length=16))
        residuals = jax.eval_shape(
            lambda params: jax.vjp(lambda params: objective(params, batch, None).loss_sum,
                                   params)[1], abstract_params(config))
        return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(residuals))

    full, minimal, none = map(kept_bytes, ("full", "minimal", "none"))
    assert full < 0.7 * minimal and minimal < 0.9 * none


def test_a_scanned_model_decodes_step_by_step_as_the_other():
    tokens = np.array([[3, 5, 1, 0], [4, 1, 0, 0]], np.int32)

    def first_logits(config):
        decoder = CachedDecoder(config, init_params(config, 1))
        cache = decoder.prefill(tokens, max_length=3, max_beams=1)
        return decoder.step(cache, np.zeros((2, 1, 1), np.int32), np.int32(0))[0]

    np.testing.assert_allclose(jax.jit(first_logits, static_argnums=0)(scanned(T5)),
                               jax.jit(first_logits, static_argnums=0)(T5), rtol=1e-5, atol=1e-5)
