"""Every model of T5's family: transformers writes it, ours computes the same, and back again."""

import itertools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'interop'")
pytest.importorskip("transformers", reason="needs the extra 'interop'")
safetensors = pytest.importorskip("safetensors.numpy", reason="needs the extra 'pretrained'")

from gram_jax.decoding.beam_search import beam_search  # noqa: E402
from gram_jax.interop.huggingface_t5 import (  # noqa: E402
    read_huggingface_t5,
    write_huggingface_t5,
)
from gram_jax.models.cached_decoder import CachedDecoder  # noqa: E402
from gram_jax.models.losses import cross_entropy  # noqa: E402
from gram_jax.models.params import bind, nested_params  # noqa: E402
from gram_jax.testing.dict_trie import DictTrie  # noqa: E402
from gram_jax.testing.tiny_t5 import write_tiny_t5  # noqa: E402
from gram_jax.testing.transformers_models import VARIANTS, load, save, variant  # noqa: E402
from gram_jax.testing.transformers_search import TransformersSearch  # noqa: E402
from gram_jax.text.encoding import with_eos  # noqa: E402
from gram_jax.text.vocabulary import SentencePieceVocabulary  # noqa: E402
from gram_jax.trie.builder import build_trie  # noqa: E402

EOS_ID, VOCAB_SIZE, SMALL_VOCAB, CODE_LENGTH = 1, 24, 6, 3
RELATIVE = 1e-5
MAIN = ("t5", "t5_1_1", "mt5", "umt5")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """(variant, vocab_size) -> transformers' model, its folder, and what ours reads there."""
    made = {}

    def get(name, vocab_size=VOCAB_SIZE):
        if (name, vocab_size) not in made:
            model = variant(name, vocab_size=vocab_size)
            folder = tmp_path_factory.mktemp(name)
            save(model, folder)
            made[name, vocab_size] = model, folder, read_huggingface_t5(str(folder))
        return made[name, vocab_size]

    return get


def sources(vocab_size, length):
    rows = np.random.default_rng(0).integers(2, vocab_size, (3, length)).astype(np.int32)
    rows[1, length // 2:] = rows[2, 1:] = 0
    return rows


def targets():
    rows = np.random.default_rng(1).integers(2, VOCAB_SIZE, (3, 30)).astype(np.int32)
    rows[1, 11:] = rows[2, 2:] = 0
    return rows


def relative_error(found, expected):
    return np.abs(found - expected).max() / np.abs(expected).max()


def our_outputs(config, arrays):
    """Encoded text, logits and mean loss."""
    params, rows, labels = nested_params(arrays), sources(VOCAB_SIZE, 40), targets()

    @jax.jit
    def compute(params):
        model = bind(config, params)
        logits = model(rows, jnp.pad(labels, ((0, 0), (1, 0)))[:, :-1])
        sums = cross_entropy(logits, labels, (labels > 0).astype(np.float32))
        return model.encode(rows), logits, sums.loss_sum / sums.weight_sum

    return [np.asarray(array) for array in compute(params)]


def their_outputs(model):
    inputs = torch.from_numpy(sources(VOCAB_SIZE, 40).astype(np.int64))
    labels = torch.from_numpy(targets().astype(np.int64))
    with torch.inference_mode():
        output = model(input_ids=inputs, attention_mask=(inputs != 0).long(),
                       decoder_input_ids=torch.nn.functional.pad(labels, (1, 0))[:, :-1],
                       labels=labels.masked_fill(labels == 0, -100))
    return [array.numpy() for array in (output.encoder_last_hidden_state, output.logits,
                                        output.loss)]


@pytest.mark.parametrize("name", VARIANTS)
def test_encoded_texts_logits_and_loss_are_the_same(saved, name):
    model, _, (config, arrays) = saved(name)
    (encoded, logits, loss), (their_encoded, their_logits, their_loss) = (
        our_outputs(config, arrays), their_outputs(model))
    seen = sources(VOCAB_SIZE, 40) != 0
    assert relative_error(encoded[seen], their_encoded[seen]) < RELATIVE
    assert relative_error(logits, their_logits) < RELATIVE
    assert abs(loss - their_loss) / their_loss < RELATIVE
    # Weights that do nothing would make this test pass too.
    assert their_logits.std() > 0.2 and 0.5 < their_loss < 50


@pytest.mark.parametrize("name", VARIANTS)
def test_the_way_there_and_back_is_bit_for_bit(saved, name, tmp_path):
    model, folder, (config, arrays) = saved(name)
    write_huggingface_t5(tmp_path / "ours", nested_params(arrays), config)
    written, read = (safetensors.load_file(path / "model.safetensors")
                     for path in (tmp_path / "ours", folder))
    assert written.keys() == read.keys()
    for weight, array in read.items():
        assert written[weight].tobytes() == array.tobytes(), weight
    again = read_huggingface_t5(str(tmp_path / "ours"))
    assert again.config == config
    assert {path: array.tobytes() for path, array in again.arrays.items()} == {
        path: array.tobytes() for path, array in arrays.items()}
    theirs = load(tmp_path / "ours")
    for weight, tensor in model.state_dict().items():
        assert torch.equal(theirs.state_dict()[weight], tensor), weight
    for first, second in zip(their_outputs(theirs), their_outputs(model)):
        assert first.tobytes() == second.tobytes()


def greedy(config, arrays, rows, length):
    """The token of the largest logit, again and again: int32 [batch, length]."""
    decoder = CachedDecoder(config, nested_params(arrays))

    @jax.jit
    def search(decoder):
        def step(carried, position):
            cache, token, ended = carried
            logits, cache = decoder.step(cache, token[:, None, None], position)
            following = jnp.where(ended, 0, jnp.argmax(logits[:, 0, 0], axis=-1))
            return (cache, following, ended | (following == EOS_ID)), following

        start = (decoder.prefill(rows, max_length=length, max_beams=1),
                 jnp.zeros(len(rows), jnp.int32), jnp.zeros(len(rows), bool))
        return jax.lax.scan(step, start, jnp.arange(length))[1].T

    return np.asarray(search(decoder))


@pytest.mark.parametrize("name", MAIN)
def test_greedy_outputs_are_the_same(saved, name):
    model, _, (config, arrays) = saved(name)
    rows, length = sources(VOCAB_SIZE, 12), 16
    inputs = torch.from_numpy(rows.astype(np.int64))
    found = model.generate(inputs, attention_mask=(inputs != 0).long(), num_beams=1,
                           do_sample=False, max_new_tokens=length)[:, 1:].numpy()
    ours = greedy(config, arrays, rows, length)
    np.testing.assert_array_equal(ours[:, :found.shape[1]], found)
    assert not ours[:, found.shape[1]:].any() and len(np.unique(found)) > 3


@pytest.mark.parametrize("name", MAIN)
def test_beams_over_all_sequences_are_the_same(saved, name):
    """A trie of every sequence up to a length leaves nothing of a search's choices out."""
    model, _, (config, arrays) = saved(name, SMALL_VOCAB)
    rows, max_depth = sources(SMALL_VOCAB, 9), CODE_LENGTH + 1
    codes = [code for length in range(1, CODE_LENGTH + 1)
             for code in itertools.product(range(2, SMALL_VOCAB), repeat=length)]
    trie = build_trie(with_eos(sorted(codes), EOS_ID, max_depth), vocab_size=SMALL_VOCAB,
                      eos_id=EOS_ID, node_capacity=256, code_capacity=128, max_depth=max_depth)
    beams = jax.tree.map(np.asarray, beam_search(
        CachedDecoder(config, nested_params(arrays)), trie, rows, beam_size=5, endings="ranked"))
    theirs = TransformersSearch(model, DictTrie(codes, eos_id=EOS_ID), max_depth=max_depth).codes(
        rows, beam_size=5)
    assert beams.alive.all()
    for tokens, scores, their_row in zip(beams.tokens, beams.log_probs, theirs, strict=True):
        assert [tuple(np.trim_zeros(row, "b")) for row in tokens] == [row for row, _ in their_row]
        np.testing.assert_allclose(scores, [score for _, score in their_row], atol=1e-5, rtol=1e-5)


def test_transformers_tokenises_with_the_vocabulary_that_lies_beside(tmp_path):
    transformers = pytest.importorskip("transformers")
    write_tiny_t5(tmp_path / "model")
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "model")
    ours = SentencePieceVocabulary.load(tmp_path / "model" / "spiece.model")
    assert len(theirs) == ours.vocab_size
    for text in ("red running shoes", "query: kitchen sink", "product: nike | air max"):
        assert theirs(text).input_ids == [*ours.encode([text])[0], EOS_ID]


def test_an_untied_umt5_is_read_as_it_was_trained_which_transformers_5_scales(saved, tmp_path):
    model, folder, (config, arrays) = saved("umt5")
    fields = json.loads((folder / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(fields | {"tie_word_embeddings": False}))
    (tmp_path / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    published = read_huggingface_t5(str(tmp_path))
    assert config.scales_logits and not published.config.scales_logits
    _, logits, _ = our_outputs(published.config, published.arrays)
    _, theirs, _ = their_outputs(load(tmp_path))
    assert relative_error(logits, theirs * config.d_model ** 0.5) < RELATIVE
    assert np.array_equal(theirs, their_outputs(model)[1])
    assert arrays.keys() == published.arrays.keys()
