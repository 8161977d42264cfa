"""Who is held out depends on the text of a query and on nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.catalog.splits import hash_share, hold_out, query_key, split_by_hash

_HASH_OF_RED_SNEAKER = 0.2856415261654115
keys = st.lists(st.text(), unique=True, max_size=30)


@given(keys, st.integers(0, 40), st.randoms())
def test_hold_out_ignores_order_and_takes_the_count(keys, count, random):
    held_out = hold_out(keys, count=count, salt="gram")
    assert len(held_out) == min(count, len(keys)) and held_out <= set(keys)
    random.shuffle(keys)
    assert hold_out(keys + keys, count=count, salt="gram") == held_out


@given(keys, st.text())
def test_a_new_key_drives_out_at_most_one(keys, new):
    before = hold_out(keys, count=5, salt="gram")
    assert len(before - hold_out([*keys, new], count=5, salt="gram")) <= 1


def test_shares_are_met_and_salts_differ():
    names = [f"query {index}" for index in range(4000)]
    splits = [split_by_hash(name, salt="a", tune_share=0.1, test_share=0.2) for name in names]
    assert splits.count("tune") / 4000 == pytest.approx(0.1, abs=0.02)
    assert splits.count("test") / 4000 == pytest.approx(0.2, abs=0.02)
    assert all(0 <= hash_share(name, "a") < 1 for name in names)
    assert hash_share("x", "a") != hash_share("x", "b")
    # Fixed for good: another value would move queries between the splits of recorded results.
    assert hash_share("red sneaker", "gram") == pytest.approx(_HASH_OF_RED_SNEAKER, abs=1e-12)



@given(st.text())
def test_a_query_key_is_a_fixed_point_of_case_and_space(text):
    key = query_key(text)
    assert query_key(f"  {text}\t") == key
    assert key == " ".join(key.split())


def test_query_keys_join_what_reads_alike():
    assert query_key(" Red\u00a0 SHOE") == query_key("red shoe") == "red shoe"
    assert query_key("Stra\u00dfe \uff11") == "strasse 1"
