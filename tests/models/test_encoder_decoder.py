"""The model against a plain NumPy reading of T5 1.1, and what it must never see.

The oracle works on one sequence at a time, in float64, position by position where it can.
"""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gram_jax.models.params import abstract_params, bind
from gram_jax.testing.tiny_bert import tiny_bert_config
from gram_jax.testing.tiny_model import tiny_config, tiny_params


def rms_norm(x, scale):
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + 1e-6) * scale


def gelu_new(x):
    return 0.5 * x * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3)))


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def bucket(key_position, query_position, bidirectional, num_buckets=32, max_distance=128):
    """The bucket of one pair of positions."""
    distance = query_position - key_position
    first = 0
    if bidirectional:
        num_buckets //= 2
        if distance < 0:
            first, distance = num_buckets, -distance
    distance = max(distance, 0)
    exact = num_buckets // 2
    if distance < exact:
        return first + distance
    steps = math.log(distance / exact) / math.log(max_distance / exact) * (num_buckets - exact)
    return first + min(exact + int(steps + 1e-9), num_buckets - 1)


def position_bias(table, queries, keys, bidirectional):
    """[heads, queries, keys]."""
    rows = [[table[:, bucket(k, q, bidirectional)] for k in range(keys)] for q in range(queries)]
    return np.array(rows).transpose(2, 0, 1)


def attention(params, x, source, bias, num_heads):
    """x: [queries, d], source: [keys, d], bias: [heads or 1, queries, keys]."""
    q, k, v = (
        inputs @ params[name]["kernel"]
        for name, inputs in (("query", x), ("key", source), ("value", source))
    )
    heads = []
    for h, (qh, kh, vh) in enumerate(zip(*(np.split(a, num_heads, axis=1) for a in (q, k, v)))):
        heads.append(softmax(qh @ kh.T + bias[min(h, len(bias) - 1)]) @ vh)
    return np.concatenate(heads, axis=1) @ params["out"]["kernel"]


def mlp(params, x):
    gate = gelu_new(x @ params["wi_0"]["kernel"])
    return (gate * (x @ params["wi_1"]["kernel"])) @ params["wo"]["kernel"]


def encode(params, tokens, num_heads):
    """One text, int [length] -> float64 [length, d]."""
    stack, table = params["encoder"], params["token_embedder"]["embedding"]
    x = table[tokens]
    bias = position_bias(stack["relpos_bias"]["rel_embedding"], len(tokens), len(tokens), True)
    bias = bias + np.where(tokens > 0, 0.0, -np.inf)[None, None, :]
    for i in range(sum(name.startswith("layers_") for name in stack)):
        layer = stack[f"layers_{i}"]
        normal = rms_norm(x, layer["pre_attention_layer_norm"]["scale"])
        x = x + attention(layer["attention"], normal, normal, bias, num_heads)
        x = x + mlp(layer["mlp"], rms_norm(x, layer["pre_mlp_layer_norm"]["scale"]))
    return rms_norm(x, stack["encoder_norm"]["scale"])


def logits(params, encoded, encoder_tokens, tokens, num_heads):
    """One sequence: encoded [source, d], tokens int [length] -> float64 [length, vocab]."""
    stack, table = params["decoder"], params["token_embedder"]["embedding"]
    x = table[tokens]
    length = len(tokens)
    causal = np.where(np.tri(length) > 0, 0.0, -np.inf)[None]
    bias = position_bias(stack["relpos_bias"]["rel_embedding"], length, length, False) + causal
    cross = np.broadcast_to(
        np.where(encoder_tokens > 0, 0.0, -np.inf), (1, length, len(encoder_tokens))
    )
    for i in range(sum(name.startswith("layers_") for name in stack)):
        layer = stack[f"layers_{i}"]
        normal = rms_norm(x, layer["pre_self_attention_layer_norm"]["scale"])
        x = x + attention(layer["self_attention"], normal, normal, bias, num_heads)
        normal = rms_norm(x, layer["pre_cross_attention_layer_norm"]["scale"])
        x = x + attention(layer["encoder_decoder_attention"], normal, encoded, cross, num_heads)
        x = x + mlp(layer["mlp"], rms_norm(x, layer["pre_mlp_layer_norm"]["scale"]))
    x = rms_norm(x, stack["decoder_norm"]["scale"])
    if "logits_dense" in stack:
        return x @ stack["logits_dense"]["kernel"]
    return x / math.sqrt(x.shape[1]) @ table.T


def random_tokens(rng, rows, length, shortest, vocab_size=64):
    tokens = rng.integers(1, vocab_size, (rows, length)).astype(np.int32)
    lengths = rng.integers(shortest, length + 1, (rows, 1))
    return np.where(np.arange(length) < lengths, tokens, 0)


def started(targets):
    return np.pad(targets, ((0, 0), (1, 0)))[:, :-1]


def strong_params(config, seed):
    """Norm scales away from 1 and position biases that matter, or their use is not tested."""
    rng = np.random.default_rng(seed)
    params = tiny_params(config, seed=seed)

    def change(path, array):
        name = path[-1].key
        if name == "scale":
            return array * rng.uniform(0.5, 1.5, array.shape).astype(np.float32)
        return array * 5 if name == "rel_embedding" else array

    return jax.tree_util.tree_map_with_path(change, params)


@functools.partial(jax.jit, static_argnums=0)
def forward(config, params, texts, inputs, dropout_rng=None):
    """Encoded texts and logits."""
    model = bind(config, params)
    logits = model(texts, inputs, dropout_rng=dropout_rng)
    return model.encode(texts), logits


@pytest.mark.parametrize("tie_embeddings", [False, True])
@pytest.mark.parametrize("seed", [0, 1])
def test_encoded_text_and_logits_equal_the_numpy_reading(tie_embeddings, seed):
    config = tiny_config(
        num_encoder_layers=2, num_decoder_layers=2, head_dim=5, tie_embeddings=tie_embeddings
    )
    params = strong_params(config, seed)
    rng = np.random.default_rng(seed)
    # Longer than max_exact distances, so that logarithmic buckets take part.
    texts = random_tokens(rng, 3, 40, shortest=1)
    inputs = started(random_tokens(rng, 3, 22, shortest=22))
    encoded, decoded = forward(config, params, texts, inputs)
    wide = jax.tree.map(lambda array: np.asarray(array, np.float64), params)
    for row in range(3):
        expected = encode(wide, texts[row], config.num_heads)
        real = texts[row] > 0
        np.testing.assert_allclose(encoded[row][real], expected[real], atol=1e-5)
        expected = logits(wide, expected, texts[row], inputs[row], config.num_heads)
        np.testing.assert_allclose(decoded[row], expected, atol=1e-5)


def test_one_bias_for_all_layers_is_the_same_bias_for_each():
    sizes = {"num_encoder_layers": 2, "num_decoder_layers": 2}
    shared, apart = (tiny_config(**sizes, per_layer_relative_bias=each) for each in (False, True))
    params = strong_params(shared, 0)
    copied = jax.tree.map(lambda array: array, params)
    for stack in ("encoder", "decoder"):
        bias = copied[stack].pop("relpos_bias")
        for layer in range(2):
            copied[stack][f"layers_{layer}"]["relpos_bias"] = bias
    rng = np.random.default_rng(0)
    texts = random_tokens(rng, 2, 20, shortest=3)
    inputs = started(random_tokens(rng, 2, 9, shortest=9))
    expected = forward(shared, params, texts, inputs)
    jax.tree.map(np.testing.assert_array_equal, forward(apart, copied, texts, inputs), expected)
    copied["decoder"]["layers_1"]["relpos_bias"] = {"rel_embedding": -bias["rel_embedding"]}
    found = forward(apart, copied, texts, inputs)[1]
    assert np.abs(np.asarray(found) - np.asarray(expected[1])).max() > 1e-3


CONFIG = tiny_config(num_decoder_layers=2)


@pytest.fixture(scope="module")
def params():
    return strong_params(CONFIG, 3)


@pytest.fixture(scope="module")
def model(params):
    return lambda texts, inputs: np.asarray(forward(CONFIG, params, texts, inputs)[1])


def test_a_later_token_changes_no_earlier_logits(model):
    rng = np.random.default_rng(0)
    texts = random_tokens(rng, 4, 9, shortest=3)
    inputs = started(random_tokens(rng, 4, 6, shortest=6))
    before = model(texts, inputs)
    for position in range(1, 6):
        changed = inputs.copy()
        changed[:, position] = changed[:, position] % 63 + 1
        after = model(texts, changed)
        np.testing.assert_array_equal(after[:, :position], before[:, :position])
        assert np.abs(after[:, position] - before[:, position]).max() > 1e-3


def test_more_padding_changes_nothing(model):
    rng = np.random.default_rng(1)
    texts = random_tokens(rng, 4, 9, shortest=2)
    inputs = started(random_tokens(rng, 4, 6, shortest=6))
    short = model(texts, inputs)
    long = model(np.pad(texts, ((0, 0), (0, 8))), np.pad(inputs, ((0, 0), (0, 3))))
    np.testing.assert_allclose(long[:, :6], short, atol=1e-5)


def test_what_stands_at_padded_positions_of_the_encoded_text_changes_nothing(params):
    rng = np.random.default_rng(2)
    texts = random_tokens(rng, 4, 9, shortest=2)
    inputs = started(random_tokens(rng, 4, 6, shortest=6))
    encoded, _ = forward(CONFIG, params, texts, inputs)
    noise = np.where(texts[..., None] > 0, 0.0, rng.normal(size=encoded.shape) * 100)
    decode = jax.jit(lambda encoded: bind(CONFIG, params).decode(encoded, texts, inputs))
    np.testing.assert_array_equal(decode(encoded + noise.astype(np.float32)), decode(encoded))


def test_a_row_of_padding_stays_finite_and_to_itself(model):
    rng = np.random.default_rng(3)
    texts = random_tokens(rng, 4, 9, shortest=2)
    inputs = started(random_tokens(rng, 4, 6, shortest=6))
    full = model(texts, inputs)
    texts[1] = 0
    emptied = model(texts, inputs)
    assert np.isfinite(emptied).all()
    np.testing.assert_allclose(emptied[[0, 2, 3]], full[[0, 2, 3]], atol=1e-5)


def test_sequences_that_share_a_text_decode_as_if_each_had_its_own(params):
    rng = np.random.default_rng(4)
    texts = random_tokens(rng, 2, 6, shortest=3)
    inputs = started(random_tokens(rng, 6, 4, shortest=4))
    _, shared = forward(CONFIG, params, texts, inputs)
    _, own = forward(CONFIG, params, np.repeat(texts, 3, axis=0), inputs)
    np.testing.assert_allclose(shared, own, atol=1e-5)


@pytest.mark.parametrize("tie_embeddings", [False, True])
@pytest.mark.parametrize("make", [tiny_config, tiny_bert_config])
def test_fewer_outputs_have_the_logits_of_all_on_those_that_are_left(make, tie_embeddings):
    rng, kept = np.random.default_rng(6), 20
    whole = make(tie_embeddings=tie_embeddings)
    fewer = make(tie_embeddings=tie_embeddings, output_vocab_size=kept)
    params = strong_params(whole, 0)
    shapes = {name: array.shape for name, array in flat(abstract_params(fewer)).items()}
    cut = jax.tree_util.tree_map_with_path(
        lambda path, array: array[tuple(map(slice, shapes[jax.tree_util.keystr(path)]))], params)
    texts = random_tokens(rng, 3, 9, shortest=3)
    inputs = started(random_tokens(rng, 3, 5, shortest=5, vocab_size=kept))
    _, expected = forward(whole, params, texts, inputs)
    _, found = forward(fewer, cut, texts, inputs)
    assert found.shape == (3, 5, kept) and expected.shape == (3, 5, whole.vocab_size)
    np.testing.assert_allclose(found, expected[..., :kept], rtol=1e-6, atol=1e-6)


def flat(tree):
    return {jax.tree_util.keystr(path): leaf
            for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def test_bfloat16_stays_near_float32_and_its_logits_are_float32():
    config = tiny_config(num_encoder_layers=2, num_decoder_layers=2)
    params = tiny_params(config)
    rng = np.random.default_rng(5)
    texts = random_tokens(rng, 3, 6, shortest=3)
    inputs = started(random_tokens(rng, 3, 4, shortest=4))
    _, exact = forward(config, params, texts, inputs)
    half = tiny_config(num_encoder_layers=2, num_decoder_layers=2, compute_dtype="bfloat16")
    encoded, rough = forward(half, params, texts, inputs)
    assert encoded.dtype == jnp.bfloat16
    assert rough.dtype == jnp.float32
    assert 0 < np.abs(rough - exact).max() < 0.2


def test_dropout_follows_its_key_and_is_off_without_one():
    config = tiny_config(dropout_rate=0.5)
    params = tiny_params(config)
    texts = np.arange(1, 13, dtype=np.int32).reshape(2, 6)
    inputs = started(texts[:, :4])
    one, two = jax.random.key(1), jax.random.key(2)
    _, first = forward(config, params, texts, inputs, one)
    np.testing.assert_array_equal(first, forward(config, params, texts, inputs, one)[1])
    assert np.abs(first - forward(config, params, texts, inputs, two)[1]).max() > 0.01
    _, calm = forward(tiny_config(), params, texts, inputs)
    np.testing.assert_array_equal(forward(config, params, texts, inputs)[1], calm)
