"""The small layers against one-line NumPy readings, and their gradients' cost."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gram_jax.nn.dense import BiasedDense, Dense
from gram_jax.nn.embeddings import Embedding
from gram_jax.nn.mlp import GatedMlp, ReluMlp
from gram_jax.nn.normalization import LayerNorm, RMSNorm

FLOAT32 = jnp.dtype("float32")
RNG = np.random.default_rng(0)


def filled(param):
    """Gives a parameter random values and returns them."""
    values = RNG.normal(size=param.shape).astype(np.float32)
    param.set_value(jnp.asarray(values))
    return values


def test_dense_is_a_product_over_the_last_axis():
    dense = Dense(3, 5, axes=("embed", "mlp"), dtype=FLOAT32)
    kernel, inputs = filled(dense.kernel), RNG.normal(size=(2, 4, 3))
    np.testing.assert_allclose(dense(jnp.asarray(inputs)), inputs @ kernel, rtol=1e-5)


def test_a_biased_dense_adds_its_bias():
    dense = BiasedDense(3, 5, axes=("embed", "mlp"), dtype=FLOAT32)
    kernel, bias, inputs = filled(dense.kernel), filled(dense.bias), RNG.normal(size=(2, 4, 3))
    np.testing.assert_allclose(dense(jnp.asarray(inputs)), inputs @ kernel + bias, rtol=1e-4)


def test_layer_norm_has_no_mean_and_unit_variance():
    norm = LayerNorm(6, epsilon=1e-12, dtype=FLOAT32)
    scale, bias, inputs = filled(norm.scale), filled(norm.bias), RNG.normal(size=(4, 6)) * 50 + 10
    found = (norm(jnp.asarray(inputs)) - bias) / scale
    np.testing.assert_allclose(found.mean(axis=-1), 0.0, atol=1e-4)
    np.testing.assert_allclose(found.var(axis=-1), 1.0, rtol=1e-4)
    assert np.isfinite(norm(jnp.ones((2, 6)))).all()


def test_norm_has_unit_mean_square_and_keeps_the_mean():
    norm = RMSNorm(6, dtype=FLOAT32)
    scale, inputs = filled(norm.scale), RNG.normal(size=(4, 6)) * 50 + 10
    found = norm(jnp.asarray(inputs)) / scale
    np.testing.assert_allclose(np.square(found).mean(axis=-1), 1.0, rtol=1e-4)
    np.testing.assert_allclose(
        found, inputs / np.sqrt(np.square(inputs).mean(-1, keepdims=True)), rtol=1e-4
    )


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_norm_returns_its_dtype(dtype):
    norm = RMSNorm(6, dtype=jnp.dtype(dtype))
    filled(norm.scale)
    assert norm(jnp.ones((2, 6))).dtype == dtype


def test_mlp_gates_with_the_tanh_gelu():
    mlp = GatedMlp(3, 4, dropout_rate=0.0, dtype=FLOAT32)
    gate, linear, out = (filled(layer.kernel) for layer in (mlp.wi_0, mlp.wi_1, mlp.wo))
    inputs = RNG.normal(size=(2, 5, 3))
    x = inputs @ gate
    gelu = 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    np.testing.assert_allclose(
        mlp(jnp.asarray(inputs)), gelu * (inputs @ linear) @ out, rtol=1e-4, atol=1e-5
    )


def test_the_plain_mlp_is_a_relu_between_two_products():
    mlp = ReluMlp(3, 4, dropout_rate=0.0, dtype=FLOAT32)
    inner, out = (filled(layer.kernel) for layer in (mlp.wi, mlp.wo))
    inputs = RNG.normal(size=(2, 5, 3))
    np.testing.assert_allclose(mlp(jnp.asarray(inputs)), np.maximum(inputs @ inner, 0) @ out,
                               rtol=1e-4, atol=1e-5)


def test_embedding_looks_rows_up_and_gives_logits_of_the_first():
    embedding = Embedding(7, 4, dtype=FLOAT32)
    table = filled(embedding.embedding)
    tokens = jnp.array([[3, 0], [6, 3]])
    np.testing.assert_array_equal(embedding(tokens), table[np.asarray(tokens)])
    hidden = RNG.normal(size=(2, 3, 4))
    for num_rows in (7, 3):
        np.testing.assert_allclose(
            embedding.logits(jnp.asarray(hidden), num_rows), hidden @ table[:num_rows].T,
            rtol=1e-4, atol=1e-5,
        )


def test_the_gradient_of_a_kernel_is_one_plain_product():
    """A product over several row axes makes XLA transpose large arrays on a CPU."""

    def loss(kernel, inputs):
        dense = Dense(3, 5, axes=("embed", "mlp"), dtype=FLOAT32)
        dense.kernel.set_value(kernel)
        return dense(inputs).sum()

    jaxpr = jax.make_jaxpr(jax.grad(loss))(jnp.ones((3, 5)), jnp.ones((2, 4, 3)))
    products = [eqn for eqn in jaxpr.eqns if eqn.primitive.name == "dot_general"]
    assert products
    for product in products:
        (contracted, _), (batch, _) = product.params["dimension_numbers"]
        assert len(contracted) == 1 and not batch
