"""Tagging batches: order by seed alone, any place can be returned to, every text is met."""

import numpy as np
import pytest

from gram_jax.attributes.annotations import annotate
from gram_jax.attributes.known_values import KnownValues
from gram_jax.attributes.tags import TagSet
from gram_jax.attributes.word_features import WordFeatures
from gram_jax.core.errors import ArtifactError, ConfigError
from gram_jax.data.tagging_batches import TaggingBatches, TaggingSource

TAG_SET = TagSet(("brand", "color"))


def source(name, count, **settings):
    texts = tuple(annotate(f"{name}{number}", name, "red " + "shoe " * number, [("color", "red")])
                  for number in range(count))
    return TaggingSource(name, texts, **settings)


def batches(*sources, seed=0, batch_size=4, lengths=(4, 8)):
    sources = sources or (source("a", 12),)
    known = KnownValues.build((text for one in sources for text in one.texts), TAG_SET.types)
    return TaggingBatches(sources, TAG_SET, WordFeatures(64, known), batch_size=batch_size,
                          seed=seed, lengths=lengths)


def ids(stream, count):
    return [next(stream).example_ids for _ in range(count)]


def test_the_order_is_a_function_of_the_seed():
    assert ids(batches(), 9) == ids(batches(), 9)
    assert ids(batches(), 9) != ids(batches(seed=1), 9)


@pytest.mark.parametrize("place", [0, 1, 3, 4, 7, 11])
def test_any_place_can_be_returned_to(place):
    one, other = batches(), batches()
    ids(one, place)
    other.seek(one.position())
    for _ in range(6):
        first, second = next(one), next(other)
        assert first.example_ids == second.example_ids
        np.testing.assert_array_equal(first.ngrams, second.ngrams)


def test_an_epoch_meets_every_text():
    stream = batches()
    met = {text_id for of_batch in ids(stream, stream.batches_per_epoch) for text_id in of_batch}
    assert met == {f"a{number}" for number in range(12)}


def test_a_source_is_visited_at_its_rate():
    stream = batches(source("a", 40), source("b", 40, rate=0.25), lengths=(64,))
    met = [text_id for of_batch in ids(stream, 4 * stream.batches_per_epoch)
           for text_id in of_batch]
    of_b = sum(text_id.startswith("b") for text_id in met)
    assert abs(of_b / len(met) - 0.2) < 0.03
    assert len({text_id for text_id in met if text_id.startswith("b")}) == 40


def test_long_texts_are_cut_and_short_ones_padded():
    for batch in (next(stream) for stream in [batches()] for _ in range(6)):
        assert batch.tags.shape[1] in (4, 8) and batch.lengths.max() <= batch.tags.shape[1]
        assert (batch.tags[:, 0] == 3).all() and not batch.tags[:, 1:].any()


def test_one_pass_counts_every_text_once():
    stream = batches(source("a", 11))
    counted = [text_id for batch in stream.one_pass()
               for text_id, weight in zip(batch.example_ids, batch.weights) if weight]
    assert sorted(counted) == sorted(f"a{number}" for number in range(11))


def test_weights_of_a_source_reach_its_texts():
    stream = batches(source("a", 8, outside_weight=0.25, loss_weight=2.0))
    batch = next(stream)
    assert (batch.outside_weights == 0.25).all() and (batch.weights == 2.0).all()


def test_a_text_without_words_counts_nothing():
    empty = TaggingSource("e", (annotate("e", "e", "  ", []), annotate("f", "e", "red", [])))
    weights = {text_id: weight for batch in batches(empty).one_pass()
               for text_id, weight in zip(batch.example_ids, batch.weights)}
    assert weights["e"] == 0


def test_a_place_in_other_data_is_refused():
    place = batches().position()
    for other in (batches(seed=1), batches(source("a", 11)), batches(batch_size=2)):
        with pytest.raises(ArtifactError, match="texts, rates"):
            other.seek(place)


@pytest.mark.parametrize("wrong", [{"rate": 0}, {"outside_weight": 1.5}, {"loss_weight": 0}])
def test_weights_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ConfigError, match="tagging source 'a'"):
        source("a", 3, **wrong)
    with pytest.raises(ConfigError, match="holds no texts"):
        source("a", 0)
