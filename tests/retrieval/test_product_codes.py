"""A product is put under the most probable codes that its own text generates."""

import numpy as np
import pytest

from gram_jax.core.errors import ConfigError
from gram_jax.retrieval.product_codes import ProductCoding, code_products


def code(world, **settings):
    coding = ProductCoding(max_input_length=8, **settings)
    return code_products(world.config, world.params, world.index.trie, world.table,
                         world.vocabulary, world.table.product_ids, world.texts, coding,
                         batch_size=8)


def test_with_as_many_beams_as_codes_they_are_the_best_of_all_codes(world):
    generated = code(world, max_codes=3, beam_size=14)
    assert generated.ids == world.table.product_ids
    for row, text in enumerate(world.texts):
        totals = world.log_probs_of_all_codes(f"product: {text}").sum(axis=1)
        codes, log_probs = generated.of(row)
        assert len(codes) == 3
        np.testing.assert_allclose(log_probs, np.sort(totals)[::-1][:3], atol=1e-4)
        np.testing.assert_allclose(totals[codes], log_probs, atol=1e-4)


def test_a_floor_leaves_out_what_is_less_sure(world):
    everything = code(world, max_codes=14, beam_size=14)
    floor = float(np.median(everything.log_probs))
    kept = code(world, max_codes=14, beam_size=14, min_log_prob=floor)
    assert 0 < len(kept.codes) < len(everything.codes)
    np.testing.assert_array_equal(kept.log_probs,
                                  everything.log_probs[everything.log_probs >= floor])


@pytest.mark.parametrize("settings", [{"max_codes": 0}, {"beam_size": 0}, {"max_input_length": 0},
                                      {"max_codes": 11}])
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(ConfigError):
        ProductCoding(**settings)
