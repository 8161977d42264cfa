"""transformers computes from the exported parameters what our model computes."""

import jax
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'interop'")
pytest.importorskip("transformers", reason="needs the extra 'interop'")

from gram_jax.models.params import bind  # noqa: E402
from gram_jax.testing.tiny_model import tiny_config, tiny_params  # noqa: E402
from gram_jax.testing.transformers_search import transformers_model  # noqa: E402

EOS_ID, VOCAB_SIZE = 1, 64
RELATIVE = 1e-5
# Few buckets and a short reach, so that a text has distances in every kind of bucket.
SIZES = {"num_encoder_layers": 2, "num_decoder_layers": 3, "num_relative_buckets": 8,
         "max_relative_distance": 20}


def batch(seed):
    rng = np.random.default_rng(seed)
    sources = rng.integers(1, VOCAB_SIZE, (3, 40)).astype(np.int32)
    sources[1, 17:] = sources[2, 1:] = 0
    targets = rng.integers(1, VOCAB_SIZE, (3, 30)).astype(np.int32)
    targets[:, 0] = 0
    return sources, targets


def relative_error(found, expected):
    return np.abs(found - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize("tie_embeddings", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_encoded_texts_and_logits_are_the_same(seed, tie_embeddings):
    config = tiny_config(VOCAB_SIZE, tie_embeddings=tie_embeddings, **SIZES)
    params = tiny_params(config, seed=seed)
    sources, targets = batch(seed)
    ours = bind(config, params)
    encoded, logits = jax.jit(lambda: (ours.encode(sources), ours(sources, targets)))()

    theirs = transformers_model(params, config, eos_id=EOS_ID)
    inputs = torch.from_numpy(sources.astype(np.int64))
    with torch.inference_mode():
        output = theirs(input_ids=inputs, attention_mask=(inputs != 0).long(),
                        decoder_input_ids=torch.from_numpy(targets.astype(np.int64)))
    seen = sources != 0
    their_encoded = output.encoder_last_hidden_state.numpy()
    assert relative_error(np.asarray(encoded)[seen], their_encoded[seen]) < RELATIVE
    assert relative_error(np.asarray(logits), output.logits.numpy()) < RELATIVE
