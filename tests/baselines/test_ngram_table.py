"""The table finds every occurrence of an n-gram and no other, and its trie says what occurs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.baselines.ngram_table import NgramTable
from gram_jax.core.errors import ArtifactError, InputError
from gram_jax.testing.plain_ngrams import count_in, occurring_ngrams, places_in
from gram_jax.trie.code_trie import NO_CODE, ROOT

EOS_ID = 1
# A few tokens repeat within titles; the large ones need several keys a place to be sorted.
VOCABULARIES = {6: (2, 3, 5), 300_000: (2, 3, 70_000, 299_999)}


@st.composite
def catalogues(draw):
    """A vocabulary's size, titles, and the longest n-gram."""
    vocab_size = draw(st.sampled_from(sorted(VOCABULARIES)))
    tokens = st.sampled_from(VOCABULARIES[vocab_size])
    titles = draw(st.lists(st.lists(tokens, max_size=7), max_size=6))
    return vocab_size, titles, draw(st.integers(1, 9))


def build(catalogue):
    vocab_size, titles, max_tokens = catalogue
    return NgramTable.build(titles, vocab_size=vocab_size, max_tokens=max_tokens)


def rows_of(ngrams, length):
    rows = np.zeros((len(ngrams), length), np.int32)
    for row, ngram in zip(rows, ngrams):
        row[:len(ngram)] = ngram
    return rows


@given(catalogues(), st.data())
def test_a_range_holds_exactly_the_places_where_the_ngram_stands(catalogue, data):
    vocab_size, titles, max_tokens = catalogue
    table = build(catalogue)
    tokens = st.sampled_from([*VOCABULARIES[vocab_size], 4])
    others = data.draw(st.lists(st.lists(tokens, min_size=1, max_size=max_tokens).map(tuple),
                                max_size=8))
    ngrams = [*sorted(occurring_ngrams(titles, max_tokens)), *others, ()]
    starts, ends = table.ranges(rows_of(ngrams, max_tokens))
    for ngram, start, end in zip(ngrams, starts, ends):
        places = table.order[start:end]
        found = sorted((int(table.title_of[place]),
                        int(place - table.title_starts[table.title_of[place]]))
                       for place in places)
        scanned = [(number, place) for number, title in enumerate(titles)
                   for place in places_in(title, ngram)] if ngram else []
        assert found == scanned
        assert end - start == (count_in(titles, ngram) if ngram else 0)


@given(catalogues())
def test_titles_and_ranks_can_be_read_back(catalogue):
    _, titles, _ = catalogue
    table = build(catalogue)
    assert [table.title(number).tolist() for number in range(table.num_titles)] == titles
    assert table.num_tokens == sum(map(len, titles))
    np.testing.assert_array_equal(table.ranks[table.order], np.arange(table.num_tokens))
    assert (table.ranks[table.title_starts[1:] - 1] == -1).all()


def prefixes(trie, node=ROOT, prefix=()):
    """Yields every prefix of the trie but the empty one, with the node's rest where it is a tail.
    """
    code = int(trie.node_code[node])
    if code != NO_CODE:
        tokens = tuple(trie.code_tokens[code].tolist())
        assert tokens[:len(prefix)] == prefix
        end = tokens.index(EOS_ID)
        yield from (tokens[:length] for length in range(len(prefix) + 1, end + 1))
    for edge in range(trie.row_starts[node], trie.row_starts[node + 1]):
        token = int(trie.edge_tokens[edge])
        if token != EOS_ID:
            yield (*prefix, token)
            yield from prefixes(trie, edge + 1, (*prefix, token))


@given(catalogues())
def test_the_prefixes_of_the_trie_are_exactly_the_ngrams_that_occur(catalogue):
    _, titles, max_tokens = catalogue
    found = list(prefixes(build(catalogue).trie(eos_id=EOS_ID)))
    assert len(set(found)) == len(found)
    assert set(found) == occurring_ngrams(titles, max_tokens)


@given(catalogues())
def test_no_longest_ngram_begins_another_and_all_others_begin_one(catalogue):
    _, titles, max_tokens = catalogue
    longest = [tuple(row[row != 0].tolist()) for row in build(catalogue).longest_ngrams()]
    assert longest == sorted(longest) and len(set(longest)) == len(longest)
    begun = {ngram[:length] for ngram in longest for length in range(1, len(ngram) + 1)}
    assert begun == occurring_ngrams(titles, max_tokens)
    assert sum(ngram == other[:len(ngram)] for ngram in longest for other in longest) \
        == len(longest)


@given(catalogues())
def test_what_was_saved_is_loaded(tmp_path_factory, catalogue):
    path = tmp_path_factory.mktemp("table") / "ngrams.npz"
    table = build(catalogue)
    table.save(path)
    loaded = NgramTable.load(path)
    for name in ("tokens", "title_starts", "order"):
        stored, other = getattr(table, name), getattr(loaded, name)
        np.testing.assert_array_equal(stored, other)
        assert stored.dtype == other.dtype
    assert (loaded.max_tokens, loaded.vocab_size) == (table.max_tokens, table.vocab_size)


def test_a_missing_or_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "ngrams.npz"
    with pytest.raises(ArtifactError, match=r"ngrams\.npz"):
        NgramTable.load(path)
    NgramTable.build([[2, 3]], vocab_size=6).save(path)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ArtifactError, match="damaged"):
        NgramTable.load(path)


@pytest.mark.parametrize("token", [-1, 0, 6])
def test_a_token_out_of_range_is_named_with_its_title(token):
    with pytest.raises(InputError, match=f"title 2 has token {token}, outside 1 .. 5"):
        NgramTable.build([[2, 3], [], [4, token, 2]], vocab_size=6)


def test_ngrams_longer_than_the_tables_are_refused():
    table = NgramTable.build([[2, 3, 4]], vocab_size=6, max_tokens=2)
    with pytest.raises(ValueError, match="more than 2 tokens"):
        table.ranges(np.array([[2, 3, 4]]))
    with pytest.raises(ValueError, match="max_tokens is 0"):
        NgramTable.build([[2]], vocab_size=6, max_tokens=0)


def test_a_title_that_holds_eos_makes_no_trie():
    with pytest.raises(InputError, match="title 1 holds EOS"):
        NgramTable.build([[2], [2, EOS_ID, 3]], vocab_size=6).trie(eos_id=EOS_ID)
