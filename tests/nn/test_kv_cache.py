"""The past of beams: written where told, inherited by reordering, hidden until written."""

import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.nn import kv_cache
from gram_jax.nn.attention import KeysValues


@given(st.lists(st.lists(st.integers(0, 2), min_size=3, max_size=3), max_size=4))
def test_beams_carry_the_pasts_of_their_ancestors(parents_of_steps):
    past = kv_cache.empty_past(1, 1, 3, 1, 4, 1, jnp.float32)
    past = kv_cache.reorder(past, np.zeros((1, 3), np.int32))
    histories = [[], [], []]
    for position, parents in enumerate(parents_of_steps):
        fresh = np.array([10 * position + beam + 1 for beam in range(3)], np.float32)
        array = fresh.reshape(1, 3, 1, 1, 1)
        past = kv_cache.Past(
            (kv_cache.write(past.layers[0], KeysValues(array, -array), position),),
            kv_cache.own_slots(past.slots, position, 1))
        histories = [past_of + [value] for past_of, value in zip(histories, fresh.tolist())]
        past = kv_cache.reorder(past, np.array([parents]))
        histories = [list(histories[parent]) for parent in parents]
    seen = kv_cache.seen(past.layers[0], past.slots)
    alone = kv_cache.select(past, np.zeros(3, np.int32), np.arange(3), max_length=6)
    seen_alone = kv_cache.seen(alone.layers[0], alone.slots)
    for beam, history in enumerate(histories):
        length = len(history)
        for keys, values in ((seen.keys[0, beam], seen.values[0, beam]),
                             (seen_alone.keys[beam, 0], seen_alone.values[beam, 0])):
            np.testing.assert_array_equal(keys[0, :length, 0], history)
            np.testing.assert_array_equal(values[0, :length, 0], -np.array(history))


def test_a_position_sees_those_before_it_and_itself():
    bias = kv_cache.past_bias(jnp.arange(1, 3), jnp.arange(4))
    np.testing.assert_array_equal(bias[0, 0] == 0.0, [[True, True, False, False],
                                                      [True, True, True, False]])
