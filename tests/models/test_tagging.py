"""The tagger: padding changes nothing, partial belief lies between its ends, it can learn."""

import dataclasses
import itertools

import jax
import numpy as np
import pytest

from gram_jax.attributes.tags import TagSet
from gram_jax.core.batch import TaggingBatch
from gram_jax.core.errors import ConfigError
from gram_jax.models.config import TaggerConfig
from gram_jax.models.params import bind, init_params, load_params, logical_axes, save_params
from gram_jax.models.tag_chain import MASKED
from gram_jax.models.tagging import tag_words, tagging_objective

TAG_SET = TagSet(("brand", "color"))
CONFIG = TaggerConfig(
    num_tags=TAG_SET.num_tags, num_ngrams=50, num_marks=9, ngram_size=8, d_model=16, d_ff=32,
    num_heads=2, head_dim=8, num_layers=1, dropout_rate=0.1, word_dropout_rate=0.1)
MASK = np.where(TAG_SET.allowed, 0.0, MASKED).astype(np.float32)


@pytest.fixture(scope="module")
def params():
    return init_params(CONFIG, 0)


def batch(outside_weight=1.0, length=6):
    rng = np.random.default_rng(0)
    tags = np.array([[1, 2, 0, 3, 0, 0], [0, 0, 1, 0, 0, 0]], np.int32)
    return TaggingBatch(
        rng.integers(0, 50, (2, length, 4)).astype(np.int32),
        rng.integers(0, 9, (2, length, 2)).astype(np.int32), tags,
        np.array([6, 4], np.int32), np.full(2, outside_weight, np.float32),
        np.ones(2, np.float32), ("a", "b"))


def test_words_behind_the_end_change_nothing(params):
    given = batch()
    emissions = bind(CONFIG, params)(given.ngrams, given.marks, given.lengths)
    other = np.array(given.ngrams)
    other[1, 4:] = 7
    changed = bind(CONFIG, params)(other, given.marks, given.lengths)
    np.testing.assert_allclose(emissions[1, :4], changed[1, :4], atol=1e-5)
    tags, probabilities = tag_words(CONFIG, params, MASK, other, given.marks, given.lengths)
    assert not np.asarray(tags)[1, 4:].any()
    assert ((np.asarray(probabilities) > 0) & (np.asarray(probabilities) <= 1)).all()


def agreeing_sum(emissions, transitions, tags):
    """log sum over the sequences that have the marked spans as they are, by brute force."""
    spans = TAG_SET.spans_of(tags)
    scores = []
    for one in itertools.product(range(TAG_SET.num_tags), repeat=len(tags)):
        steps = list(zip((TAG_SET.num_tags, *one), one))
        if all(TAG_SET.allowed[step] for step in steps) and set(spans) <= set(
                TAG_SET.spans_of(one)):
            scores.append(sum(emissions[at, tag] + transitions[before, tag]
                              for at, (before, tag) in enumerate(steps)))
    return np.logaddexp.reduce(scores)


def test_with_no_belief_in_o_the_loss_is_that_of_all_sequences_with_the_marked_spans(params):
    given = batch(0.0)
    model = bind(CONFIG, params)
    emissions = np.asarray(model(given.ngrams, given.marks, given.lengths))
    transitions = np.asarray(model.transitions[...])
    value = tagging_objective(CONFIG, TAG_SET.allowed)(params, given, None)
    expected = 0.0
    for row, length, tags in zip(emissions, given.lengths, given.tags):
        every = agreeing_sum(row[:length], transitions, [0] * length)
        expected += every - agreeing_sum(row[:length], transitions, tags[:length])
    np.testing.assert_allclose(value.loss_sum, expected, rtol=1e-4)


def test_belief_in_o_moves_the_loss_from_one_end_to_the_other(params):
    objective = tagging_objective(CONFIG, TAG_SET.allowed)
    losses = [float(objective(params, batch(weight), None).loss_sum) for weight in (0, 0.25, 1)]
    assert losses[0] < losses[1] < losses[2]
    np.testing.assert_allclose(losses[1], 0.75 * losses[0] + 0.25 * losses[2], rtol=1e-5)


def test_texts_of_weight_nothing_add_nothing(params):
    objective = tagging_objective(CONFIG, TAG_SET.allowed)
    weights = np.array([1, 0], np.float32)
    value = objective(params, dataclasses.replace(batch(), weights=weights), None)
    assert float(value.weight_sum) == 1 and float(value.loss_sum) < float(
        objective(params, batch(), None).loss_sum)


def test_it_learns_the_tags_it_is_shown(params):
    objective = tagging_objective(CONFIG, TAG_SET.allowed)
    step = jax.jit(jax.value_and_grad(lambda p: objective(p, batch(), None).loss_sum))
    learned = params
    for _ in range(60):
        _, grads = step(learned)
        learned = jax.tree.map(lambda p, g: p - 0.1 * g / (1e-6 + abs(g).max()), learned, grads)
    given = batch()
    tags, _ = tag_words(CONFIG, learned, MASK, given.ngrams, given.marks, given.lengths)
    np.testing.assert_array_equal(tags, given.tags)


def test_dropout_is_drawn_from_its_key_alone(params):
    given = batch()
    run = jax.jit(lambda rng: bind(CONFIG, params)(
        given.ngrams, given.marks, given.lengths, dropout_rng=rng))
    one, again, other = run(jax.random.key(1)), run(jax.random.key(1)), run(jax.random.key(2))
    np.testing.assert_array_equal(one, again)
    assert (np.asarray(one) != np.asarray(other)).any()


def test_its_parameters_are_saved_and_named_like_every_models(tmp_path, params):
    save_params(tmp_path / "params.npz", params)
    loaded = load_params(tmp_path / "params.npz", CONFIG)
    jax.tree.map(np.testing.assert_array_equal, loaded, params)
    assert loaded["encoder"]["layers_0"]["attention"]["query"]["kernel"].shape == (16, 16)
    axes = logical_axes(CONFIG)
    assert axes["encoder"]["layers_0"]["mlp"]["wi_0"]["kernel"] == ("embed", "mlp")


@pytest.mark.parametrize("wrong", [{"d_model": 0}, {"dropout_rate": 1.0}, {"num_ngrams": 1.5},
                                   {"word_dropout_rate": -0.1}, {"num_relative_buckets": 3}])
def test_sizes_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ConfigError, match="TaggerConfig"):
        dataclasses.replace(CONFIG, **wrong)
