import collections
import dataclasses
import json

import numpy as np
import pytest

from gram_jax.codes.code_table import CodeTable
from gram_jax.core.errors import ArtifactError, InputError
from gram_jax.models.params import digest_params
from gram_jax.retrieval.index import (
    RetrievalIndex,
    build_index,
    extend_index,
    load_index,
    save_index,
)
from gram_jax.testing.tiny_model import tiny_params


def test_every_posting_holds_the_probabilities_of_its_own_product_and_code(world):
    expected = [world.log_probs_of_all_codes(f"product: {text}") for text in world.texts]
    posting = 0
    for code_id in range(world.table.num_codes):
        for product in world.table.postings(code_id):
            np.testing.assert_allclose(world.index.posting_token_log_probs[posting],
                                       expected[product][code_id], rtol=2e-3)
            posting += 1
    assert posting == world.table.num_postings


def test_the_batch_size_changes_nothing(world):
    other = build_index(world.table, world.vocabulary, world.config, world.params, world.texts,
                        batch_size=160, max_product_length=8)
    np.testing.assert_allclose(other.posting_token_log_probs, world.index.posting_token_log_probs,
                               rtol=2e-3)


def test_progress_is_told_of_every_batch(world):
    told, seen = {}, collections.Counter()

    def progress(iterable, description, total):
        told[description] = total
        for item in iterable:
            seen[description] += 1
            yield item

    build_index(world.table, world.vocabulary, world.config, world.params, world.texts,
                batch_size=512, max_product_length=8, progress=progress)
    assert told == seen and set(told) == {"score postings", "embed products"}


def test_it_comes_back_from_disk_as_it_was(world, tmp_path):
    save_index(tmp_path / "index", world.index)
    found = load_index(tmp_path / "index", params_digest=digest_params(world.params))
    assert found.digest == world.index.digest
    assert found.code_table.codes == world.table.codes
    np.testing.assert_array_equal(found.code_tokens, world.index.code_tokens)
    np.testing.assert_array_equal(found.posting_token_log_probs,
                                  world.index.posting_token_log_probs)
    for field in dataclasses.fields(found.trie):
        np.testing.assert_array_equal(getattr(found.trie, field.name),
                                      getattr(world.index.trie, field.name))


def test_other_parameters_are_refused(world, tmp_path):
    save_index(tmp_path / "index", world.index)
    with pytest.raises(ArtifactError, match="built with parameters"):
        load_index(tmp_path / "index", params_digest="0" * 16)


def test_a_missing_index_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match="cannot read"):
        load_index(tmp_path / "index", params_digest="x")


def change_facts(folder):
    facts = json.loads((folder / "index.json").read_text())
    (folder / "index.json").write_text(json.dumps(facts | {"vocab_size": 63}))


def change_log_probs(folder):
    with np.load(folder / "arrays.npz") as arrays:
        arrays = dict(arrays)
    arrays["posting_token_log_probs"][0, 0] += 1
    np.savez(folder / "arrays.npz", **arrays)


def drop_postings(folder):
    with np.load(folder / "arrays.npz") as arrays:
        arrays = dict(arrays)
    arrays["posting_token_log_probs"] = arrays["posting_token_log_probs"][1:]
    np.savez(folder / "arrays.npz", **arrays)


def truncate(folder):
    data = (folder / "arrays.npz").read_bytes()
    (folder / "arrays.npz").write_bytes(data[:len(data) // 2])


@pytest.mark.parametrize("damage", [change_facts, change_log_probs, drop_postings, truncate])
def test_a_change_to_any_part_is_found_out(world, tmp_path, damage):
    save_index(tmp_path / "index", world.index)
    damage(tmp_path / "index")
    with pytest.raises(ArtifactError):
        load_index(tmp_path / "index", params_digest=world.index.params_digest)


def test_shapes_that_do_not_fit_are_refused(world):
    with pytest.raises(ValueError, match="posting_token_log_probs"):
        RetrievalIndex(world.table, world.index.trie, world.index.posting_token_log_probs[1:],
                       "digest")
    with pytest.raises(ValueError, match="1 texts"):
        build_index(world.table, world.vocabulary, world.config, world.params, ["one"])


def test_codes_that_are_spelled_alike_are_refused_by_name(world):
    class Blind(type(world.vocabulary)):
        def encode(self, texts):
            return [[5] * min(len(row), 2) for row in super().encode(texts)]

    with pytest.raises(InputError, match="same tokens"):
        build_index(world.table, Blind(), world.config, world.params, world.texts)


def test_a_shop_without_codes_has_an_index(world, tmp_path):
    table = CodeTable.build({}, ("p0",))
    index = build_index(table, world.vocabulary, world.config, world.params, ["shoe"])
    save_index(tmp_path / "index", index)
    assert load_index(tmp_path / "index", params_digest=index.params_digest).digest == index.digest


NEW_TEXTS = ["red trail boot", "max"]


def grown_table(world):
    """Two products more: one under three codes, one under none."""
    return world.table.united(np.array([3, 0, 9]), np.full(3, len(world.texts)),
                              new_product_ids=("new", "uncoded"))


def extend(world, table, texts=NEW_TEXTS, params=None):
    return extend_index(world.index, table, world.vocabulary, world.config,
                        world.params if params is None else params, texts, batch_size=32,
                        max_product_length=8)


def test_an_extended_index_is_the_one_that_would_have_been_built(world):
    table = grown_table(world)
    found = extend(world, table)
    built = build_index(table, world.vocabulary, world.config, world.params,
                        [*world.texts, *NEW_TEXTS], batch_size=512, max_product_length=8)
    assert found.code_table is table and found.trie is world.index.trie
    assert found.params_digest == built.params_digest and found.digest != world.index.digest
    np.testing.assert_allclose(found.posting_token_log_probs, built.posting_token_log_probs,
                               rtol=2e-3)
    is_new = table.posting_products >= len(world.texts)
    assert is_new.sum() == 3
    np.testing.assert_array_equal(found.posting_token_log_probs[~is_new],
                                  world.index.posting_token_log_probs)


def test_only_new_products_extend_an_index(world):
    table = grown_table(world)
    with pytest.raises(ArtifactError, match="cannot grow with"):
        extend(world, table, params=tiny_params(world.config, seed=9))
    with pytest.raises(ValueError, match="1 texts for 2 new products"):
        extend(world, table, texts=["one"])
    absent = next(product for product in range(len(world.texts))
                  if product not in world.table.postings(0))
    with pytest.raises(ValueError, match="other postings"):
        extend(world, table.united(np.array([0]), np.array([absent])))
    codes = {code: table.postings(at) for at, code in enumerate(table.codes) if at}
    with pytest.raises(ValueError, match="other codes"):
        extend(world, CodeTable.build(codes, table.product_ids))
