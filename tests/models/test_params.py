"""Parameters: T5X's tree and distributions, one file there and back, every misfit named."""

import jax
import numpy as np
import pytest

from gram_jax.core.errors import ArtifactError
from gram_jax.models.params import (
    abstract_params,
    count_params,
    digest_params,
    init_params,
    load_params,
    logical_axes,
    replace_params,
    save_params,
)
from gram_jax.testing.tiny_bert import TOKENS, tiny_bert_config
from gram_jax.testing.tiny_model import tiny_config, tiny_params

CONFIG = tiny_config()


def named(tree):
    leaves = jax.tree_util.tree_leaves_with_path(tree, is_leaf=lambda x: isinstance(x, tuple))
    return {"/".join(key.key for key in path): leaf for path, leaf in leaves}


def attention(prefix):
    return {f"{prefix}/{name}/kernel": (16, 16) for name in ("query", "key", "value", "out")}


def test_names_and_shapes_are_those_of_t5x():
    mlp = {"wi_0/kernel": (16, 32), "wi_1/kernel": (16, 32), "wo/kernel": (32, 16)}
    expected = {
        "token_embedder/embedding": (64, 16),
        "encoder/relpos_bias/rel_embedding": (2, 32),
        "encoder/layers_0/pre_attention_layer_norm/scale": (16,),
        **attention("encoder/layers_0/attention"),
        "encoder/layers_0/pre_mlp_layer_norm/scale": (16,),
        **{f"encoder/layers_0/mlp/{name}": shape for name, shape in mlp.items()},
        "encoder/encoder_norm/scale": (16,),
        "decoder/relpos_bias/rel_embedding": (2, 32),
        "decoder/layers_0/pre_self_attention_layer_norm/scale": (16,),
        **attention("decoder/layers_0/self_attention"),
        "decoder/layers_0/pre_cross_attention_layer_norm/scale": (16,),
        **attention("decoder/layers_0/encoder_decoder_attention"),
        "decoder/layers_0/pre_mlp_layer_norm/scale": (16,),
        **{f"decoder/layers_0/mlp/{name}": shape for name, shape in mlp.items()},
        "decoder/decoder_norm/scale": (16,),
        "decoder/logits_dense/kernel": (16, 64),
    }
    assert {name: array.shape for name, array in named(tiny_params()).items()} == expected
    tied = named(tiny_params(tiny_config(tie_embeddings=True)))
    assert tied.keys() == expected.keys() - {"decoder/logits_dense/kernel"}


def test_berts_encoder_has_its_own_names_and_the_decoder_its_own_tokens():
    def biased(name, *shape):
        return {f"{name}/kernel": shape, f"{name}/bias": shape[1:]}

    def norm(name):
        return {f"{name}/scale": (16,), f"{name}/bias": (16,)}

    found = named(tiny_params(tiny_bert_config(output_vocab_size=20)))
    layer = "encoder/layers_1"
    expected = {
        **norm(f"{layer}/attention_layer_norm"),
        **norm(f"{layer}/mlp_layer_norm"),
        **biased(f"{layer}/mlp/wi", 16, 32),
        **biased(f"{layer}/mlp/wo", 32, 16),
    }
    for name in ("query", "key", "value", "out"):
        expected |= biased(f"{layer}/attention/{name}", 16, 16)
    assert {name: array.shape for name, array in found.items() if name.startswith(layer)
            } == expected
    expected = {
        "token_embedder/embedding": (len(TOKENS), 16),
        "encoder/position_embedder/embedding": (40, 16),
        "encoder/segment_embedding": (16,),
        **norm("encoder/embedding_layer_norm"),
        "decoder/token_embedder/embedding": (20, 16),
        "decoder/logits_dense/kernel": (16, 20),
    }
    assert {name: array.shape for name, array in found.items()
            if "layers_" not in name and name.split("/")[1] not in ("relpos_bias", "decoder_norm")
            } == expected
    np.testing.assert_allclose(found["token_embedder/embedding"].std(), 0.02, rtol=0.1)
    np.testing.assert_allclose(found["decoder/token_embedder/embedding"].std(), 1.0, rtol=0.2)


def test_every_array_of_berts_encoder_names_each_of_its_axes():
    config = tiny_bert_config(output_vocab_size=20)
    params, axes = named(init_params(config, 0)), named(logical_axes(config))
    assert params.keys() == axes.keys()
    sizes = {"vocab": 20, "words": len(TOKENS), "positions": 40, "embed": 16, "heads": 16,
             "mlp": 32}
    for name, array in params.items():
        if "relpos" not in name:
            assert array.shape == tuple(sizes[axis] for axis in axes[name]), name


@pytest.mark.parametrize("tie_embeddings", [False, True])
def test_every_array_names_each_of_its_axes(tie_embeddings):
    config = tiny_config(tie_embeddings=tie_embeddings)
    params, axes = named(init_params(config, 0)), named(logical_axes(config))
    assert params.keys() == axes.keys()
    sizes = {"vocab": 64, "embed": 16, "mlp": 32, "relpos_buckets": 32}
    for name, array in params.items():
        heads = config.num_heads if "relpos" in name else config.num_heads * config.head_dim
        assert array.shape == tuple((sizes | {"heads": heads})[axis] for axis in axes[name]), name


def test_abstract_params_are_the_shapes_of_real_ones():
    real = jax.tree.map(lambda array: (array.shape, array.dtype), tiny_params())
    assert real == jax.tree.map(lambda array: (array.shape, array.dtype), abstract_params(CONFIG))
    assert count_params(tiny_params()) == count_params(abstract_params(CONFIG))


def test_initial_values_have_the_spread_of_t5x():
    config = tiny_config(4000, d_model=64, num_heads=8, head_dim=32, d_ff=300)
    params = named(init_params(config, 0))
    layer = "decoder/layers_0"
    spread = {
        "token_embedder/embedding": 1.0,
        f"{layer}/self_attention/query/kernel": (64 * 32) ** -0.5,
        f"{layer}/self_attention/key/kernel": 64**-0.5,
        f"{layer}/encoder_decoder_attention/out/kernel": 256**-0.5,
        f"{layer}/mlp/wi_0/kernel": 64**-0.5,
        f"{layer}/mlp/wo/kernel": 300**-0.5,
        "decoder/logits_dense/kernel": 64**-0.5,
        "encoder/relpos_bias/rel_embedding": (2 / 40) ** 0.5,
    }
    for name, stddev in spread.items():
        np.testing.assert_allclose(params[name].std(), stddev, rtol=0.1, err_msg=name)
    wi = params[f"{layer}/mlp/wi_0/kernel"]
    assert np.abs(wi).max() < 2.01 / 0.8796 * 64**-0.5, "the normal of a dense kernel is cut"
    assert (params[f"{layer}/pre_mlp_layer_norm/scale"] == 1.0).all()


def test_a_seed_gives_the_same_parameters_and_another_seed_others():
    assert digest_params(tiny_params(seed=1)) == digest_params(tiny_params(seed=1))
    assert digest_params(tiny_params(seed=1)) != digest_params(tiny_params(seed=2))
    first, second = (
        tiny_params()["encoder"]["layers_0"]["mlp"][name]["kernel"] for name in ("wi_0", "wi_1")
    )
    assert (first != second).any(), "parameters of one shape must not be drawn alike"


def test_saved_parameters_load_bit_for_bit(tmp_path):
    params = tiny_params(seed=4)
    save_params(tmp_path / "params.npz", params)
    loaded = load_params(tmp_path / "params.npz", CONFIG)
    jax.tree.map(np.testing.assert_array_equal, loaded, params)
    assert digest_params(loaded) == digest_params(params)


def test_saving_twice_writes_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        save_params(tmp_path / name, tiny_params())
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def damaged(tmp_path, change):
    save_params(tmp_path / "params.npz", tiny_params())
    with np.load(tmp_path / "params.npz") as file:
        arrays = dict(file)
    change(arrays)
    np.savez(tmp_path / "params.npz", **arrays)
    return tmp_path / "params.npz"


SCALE = "encoder/encoder_norm/scale"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.pop(SCALE), f"{SCALE} is missing"),
        (lambda a: a.update(extra=a[SCALE]), "extra is unknown"),
        (lambda a: a.update({SCALE: np.ones(8, np.float32)}), rf"{SCALE} has shape \(8,\)"),
        (lambda a: a.update({SCALE: np.ones(16)}), f"{SCALE} is float64"),
        (lambda a: a.update({SCALE: np.full(16, np.nan, np.float32)}), "not finite"),
        (lambda a: a.update({SCALE: np.array([{}] * 16)}), "damaged"),
    ],
    ids=["missing", "unknown", "shape", "dtype", "nan", "pickle"],
)
def test_a_file_that_does_not_fit_is_refused_by_name(tmp_path, change, message):
    with pytest.raises(ArtifactError, match=message):
        load_params(damaged(tmp_path, change), CONFIG)


def test_another_models_parameters_are_refused(tmp_path):
    save_params(tmp_path / "params.npz", tiny_params(tiny_config(tie_embeddings=True)))
    with pytest.raises(ArtifactError, match="decoder/logits_dense/kernel is missing"):
        load_params(tmp_path / "params.npz", CONFIG)
    with pytest.raises(ArtifactError, match=r"and .* more"):
        load_params(tmp_path / "params.npz", tiny_config(d_model=24))


@pytest.mark.parametrize("content", [b"", b"not an archive", None])
def test_no_file_or_no_archive_is_refused(tmp_path, content):
    path = tmp_path / "params.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ArtifactError, match=r"params\.npz"):
        load_params(path, CONFIG)


def test_half_a_file_is_refused(tmp_path):
    path = tmp_path / "params.npz"
    save_params(path, tiny_params())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ArtifactError, match="damaged"):
        load_params(path, CONFIG)


def test_given_params_take_the_places_of_others():
    params, other = tiny_params(), named(tiny_params(seed=1))
    given = {name: np.asarray(array) for name, array in other.items() if "attention" in name}
    found = named(replace_params(params, given))
    assert found.keys() == other.keys()
    for name, array in named(params).items():
        np.testing.assert_array_equal(found[name], given.get(name, array))


@pytest.mark.parametrize(("given", "message"), [
    ({"encoder/nothing": np.ones(3, np.float32)}, "encoder/nothing is unknown"),
    ({SCALE: np.ones(8, np.float32)}, rf"{SCALE} has shape \(8,\)"),
    ({SCALE: np.full(16, np.nan, np.float32)}, "not finite"),
])
def test_given_params_that_do_not_fit_are_refused_by_name(given, message):
    with pytest.raises(ArtifactError, match=message):
        replace_params(tiny_params(), given)
