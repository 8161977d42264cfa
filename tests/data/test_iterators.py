"""The stream of batches is a function of the seed, and any place in it can be returned to."""

import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.core.errors import ArtifactError, ConfigError
from gram_jax.data.iterators import CodeBatches
from gram_jax.data.token_store import RaggedTokens, TokenStore

LENGTHS = {"inputs": 5, "targets": 4}


def store_of(name, size, codes_of_texts=None) -> TokenStore:
    """Example i of a store has i in its tokens, so that a row says where it came from.

    Each is of a text of its own, or the texts have `codes_of_texts` examples each.
    """
    def ragged(first):
        rows = [np.array([first, i + 2, 1], np.int32)[-(i % 2 + 2):] for i in range(size)]
        return RaggedTokens.concatenate(rows, [np.array([len(row)]) for row in rows])

    texts = range(size) if codes_of_texts is None else np.repeat(
        np.arange(len(codes_of_texts)), codes_of_texts)
    ids = np.array([f"{name}{i}" for i in texts], object)
    return TokenStore(ragged(7), ragged(9), ids)


def batches(sizes=(7, 3), rates=None, batch_size=4, seed=0, lengths=LENGTHS,
            buckets=(), input_buckets=()) -> CodeBatches:
    stores = {name: store_of(name, size) for name, size in zip("qt", sizes)}
    rates = dict(zip("qt", rates or (1.0,) * len(sizes)))
    return CodeBatches(
        stores, rates, task_feature_lengths=lengths, batch_size=batch_size, seed=seed,
        input_buckets=input_buckets, target_buckets=buckets)


def take(iterator, count):
    return [next(iterator) for _ in range(count)]


def assert_same(some, others):
    for one, other in zip(some, others, strict=True):
        assert one.example_ids == other.example_ids
        for name in ("encoder_input_tokens", "decoder_input_tokens", "decoder_target_tokens",
                     "decoder_loss_weights"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


sizes = st.lists(st.integers(1, 9), min_size=1, max_size=2).map(tuple)


BUCKETS = st.sampled_from([(), (2,), (2, 3)])


@given(sizes, st.integers(1, 6), st.integers(0, 99), st.integers(0, 12), st.integers(0, 12),
       BUCKETS)
def test_seeking_goes_on_like_the_stream_that_was_never_left(
    sizes, batch_size, seed, num_before, num_elsewhere, buckets):
    stream = batches(sizes, batch_size=batch_size, seed=seed, buckets=buckets)
    take(stream, num_before)
    position = json.loads(json.dumps(stream.position()))
    uninterrupted = take(stream, 6)
    fresh = batches(sizes, batch_size=batch_size, seed=seed, buckets=buckets)
    take(fresh, num_elsewhere)
    fresh.seek(position)
    assert fresh.position() == position
    assert_same(take(fresh, 6), uninterrupted)


@given(st.integers(1, 9), st.integers(1, 6), st.integers(0, 99))
def test_every_epoch_of_a_task_takes_every_example_once(size, batch_size, seed):
    stream = batches((size,), batch_size=batch_size, seed=seed)
    ids = [name for batch in take(stream, 3 * size) for name in batch.example_ids]
    for epoch in range(len(ids) // size):
        assert sorted(ids[epoch * size : (epoch + 1) * size]) == sorted(
            f"q{i}" for i in range(size))


def test_epochs_and_seeds_are_shuffled_differently():
    def order(seed):
        ids = [n for b in take(batches((40,), batch_size=8, seed=seed), 10) for n in b.example_ids]
        return ids[:40], ids[40:]

    orders = [epoch for seed in (0, 1) for epoch in order(seed)]
    assert len({tuple(epoch) for epoch in orders}) == 4
    assert [f"q{i}" for i in range(40)] not in orders


def test_rows_hold_the_tokens_of_their_example():
    for batch in take(batches(), 5):
        for row, name in enumerate(batch.example_ids):
            i = int(name[1:])
            short = i % 2 == 0
            expected = [i + 2, 1, 0, 0, 0] if short else [7, i + 2, 1, 0, 0]
            assert batch.encoder_input_tokens[row].tolist() == expected
            target = [i + 2, 1, 0, 0] if short else [9, i + 2, 1, 0]
            assert batch.decoder_target_tokens[row].tolist() == target
            assert batch.decoder_input_tokens[row].tolist() == [0, *target[:-1]]
            assert batch.decoder_loss_weights[row].tolist() == [float(t > 0) for t in target]


@pytest.mark.parametrize("rate", [0.25, 1.0, 3.0])
def test_tasks_are_drawn_in_proportion_to_their_rates(rate):
    stream = batches((7, 3), rates=(1.0, rate), batch_size=64)
    drawn = Counter(name[0] for batch in take(stream, 100) for name in batch.example_ids)
    share = rate / (1 + rate)
    # 6,400 draws: four standard deviations are at most 0.025.
    assert abs(drawn["t"] / 6400 - share) < 4 * np.sqrt(share * (1 - share) / 6400)
    assert stream.position()["consumed"] == dict(drawn)


@given(sizes, st.integers(1, 6))
def test_one_pass_takes_everything_once_and_stays_in_place(sizes, batch_size):
    stream = batches(sizes, batch_size=batch_size)
    before = stream.position()
    passed = list(stream.one_pass())
    assert stream.position() == before
    ids = [name for batch in passed for name in batch.example_ids]
    assert ids == [f"{name}{i}" for name, size in zip("qt", sizes) for i in range(size)]
    assert all(batch.encoder_input_tokens.shape == (batch_size, 5) for batch in passed)
    rows_with_loss = sum(int((batch.decoder_loss_weights.sum(1) > 0).sum()) for batch in passed)
    assert rows_with_loss == sum(sizes)


@pytest.mark.parametrize("change", [
    {"sizes": (7, 4)}, {"batch_size": 5}, {"seed": 1}, {"rates": (1.0, 2.0)},
    {"lengths": {"inputs": 6, "targets": 4}},
])
def test_a_place_in_another_stream_is_refused(change):
    with pytest.raises(ArtifactError, match="another workdir"):
        batches(**change).seek(batches().position())


def test_proportional_rates_are_the_same_stream():
    stream = batches(rates=(2.0, 6.0))
    stream.seek(batches(rates=(1.0, 3.0)).position())
    assert_same(take(stream, 2), take(batches(rates=(1.0, 3.0)), 2))


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"seed": -1}])
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ConfigError, match="batch_size is"):
        batches(**wrong)


def test_a_batch_of_a_bucket_is_no_longer_than_its_targets_and_cuts_none():
    stream = batches((40, 30), batch_size=8, buckets=(2,))
    lengths = {2: 0, 4: 0}
    for batch in take(stream, 60):
        sizes = (batch.decoder_target_tokens != 0).sum(axis=1)
        lengths[batch.decoder_target_tokens.shape[1]] += 1
        assert set(sizes) == ({2} if batch.decoder_target_tokens.shape[1] == 2 else {3})
        assert (batch.decoder_target_tokens == 1).sum() == 8, "every target ends in EOS"
    assert min(lengths.values()) > 0


def test_inputs_too_are_cut_to_their_bucket_and_none_is_lost():
    stream = batches((40, 9), batch_size=8, input_buckets=(2,))
    taken = take(stream, 60)
    assert {batch.encoder_input_tokens.shape[1] for batch in taken} == {2, 5}
    for batch in taken:
        lengths = (batch.encoder_input_tokens > 0).sum(axis=1)
        # Even examples have inputs of 2 tokens, odd ones of 3.
        assert set(lengths) == {2 if batch.encoder_input_tokens.shape[1] == 2 else 3}
        for row, name in zip(batch.encoder_input_tokens, batch.example_ids):
            assert row[row > 0][-2] == int(name[1:]) + 2
    assert len({name for batch in taken for name in batch.example_ids}) == 49


def test_buckets_keep_the_rates_of_tasks_and_the_weight_of_every_example():
    stream = batches((40, 10), rates=(3.0, 1.0), batch_size=50, seed=3, buckets=(2,))
    seen = Counter(name for batch in take(stream, 400) for name in batch.example_ids)
    of_q = sum(count for name, count in seen.items() if name.startswith("q"))
    assert abs(of_q / seen.total() - 0.75) < 0.02
    for letter, size in (("q", 40), ("t", 10)):
        counts = np.array([seen[f"{letter}{i}"] for i in range(size)])
        assert counts.min() > 0.8 * counts.mean() and counts.max() < 1.2 * counts.mean()


@pytest.mark.parametrize("buckets", [(1,), (3, 2), (2, 2)])
def test_bad_buckets_are_refused(buckets):
    with pytest.raises(ConfigError, match="target_buckets"):
        batches(buckets=buckets)


groups = st.lists(st.integers(1, 7), min_size=1, max_size=6)


def grouped(counts, size, *, batch_size=3, seed=0, buckets=()) -> CodeBatches:
    return CodeBatches({"q": store_of("q", sum(counts), counts)}, {"q": 1.0},
                       task_feature_lengths=LENGTHS, batch_size=batch_size, seed=seed,
                       target_buckets=buckets, codes_per_text=size)


@given(groups, st.integers(2, 4), st.integers(0, 99))
def test_codes_of_a_text_share_its_row_and_each_comes_once_an_epoch(counts, size, seed):
    num_groups = sum(-(-count // size) for count in counts)
    texts = np.repeat(np.arange(len(counts)), counts)
    stream = grouped(counts, size, batch_size=num_groups, seed=seed)
    for batch in take(stream, 3):
        assert batch.decoder_target_tokens.shape == (num_groups, size, 4)
        # Of a target [.., example + 2, 1] the token before EOS says which example it is.
        seen = []
        for text, codes in zip(batch.encoder_input_tokens, batch.decoder_target_tokens):
            examples = [code[code > 1][-1] - 2 for code in codes if code.any()]
            assert examples and not codes[len(examples):].any()
            assert len({int(texts[example]) for example in examples}) == 1
            assert int(texts[text[text > 1][-1] - 2]) == texts[examples[0]]
            seen += examples
        assert sorted(seen) == list(range(sum(counts)))


def test_every_epoch_deals_a_texts_codes_anew():
    stream = grouped([8], 2, batch_size=4)
    dealt = [{frozenset(codes[..., 0].tolist()) for codes in batch.decoder_target_tokens}
             for batch in take(stream, 4)]
    assert len(set(map(frozenset, dealt))) > 1


@given(groups, st.integers(2, 4), st.integers(0, 9), BUCKETS)
def test_groups_too_go_on_where_they_were(counts, size, num_before, buckets):
    stream = grouped(counts, size, buckets=buckets)
    take(stream, num_before)
    fresh = grouped(counts, size, buckets=buckets)
    fresh.seek(json.loads(json.dumps(stream.position())))
    assert_same(take(stream, 4), take(fresh, 4))


def test_a_place_with_other_groups_is_refused():
    with pytest.raises(ArtifactError, match="another workdir"):
        grouped([4], 2).seek(grouped([4], 3).position())
