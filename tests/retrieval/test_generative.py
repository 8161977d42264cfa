"""From text to products, with a model that has learned nothing: what holds whatever it learned."""

import subprocess
import sys

import numpy as np
import pytest

from gram_jax.core.errors import ArtifactError
from gram_jax.core.records import Query
from gram_jax.models.code_score import CodeScoreParams
from gram_jax.retrieval.generative import GenerativeRetriever

NUM_CODES = 14


def retriever(world, **settings):
    defaults = {"head": "log_prob_sum", "score_params": CodeScoreParams.initial(),
                "beam_size": NUM_CODES + 2, "batch_size": 4, "max_query_length": 8}
    return GenerativeRetriever(world.config, world.params, world.index, world.vocabulary,
                               **(defaults | settings))


def test_with_as_many_beams_as_codes_every_product_with_a_code_is_found(world):
    expected = {world.table.product_ids[product]
                for product in np.unique(world.table.posting_products)}
    assert len(expected) < len(world.table.product_ids)
    for found in retriever(world).retrieve(world.queries, k=100):
        assert set(found.product_ids) == expected


def test_beams_are_the_codes_with_their_teacher_forced_probabilities_best_first(world):
    for query, beams in zip(world.queries, retriever(world).beams(world.queries)):
        expected = world.log_probs_of_all_codes(f"query: {query.text}")
        assert sorted(beams.code_ids) == list(range(NUM_CODES))
        assert beams.codes == tuple(world.table.codes[i].text for i in beams.code_ids)
        np.testing.assert_allclose(beams.token_log_probs, expected[beams.code_ids], atol=1e-4)
        np.testing.assert_allclose(beams.log_probs, expected.sum(1)[beams.code_ids], atol=1e-3)
        assert (np.diff(beams.log_probs) <= 0).all()


def test_answers_keep_the_order_of_the_queries_and_do_not_depend_on_the_batch(world):
    together = list(retriever(world, beam_size=4).retrieve(world.queries, k=5))
    assert [found.query_id for found in together] == [query.query_id for query in world.queries]
    for query, found in zip(world.queries, together):
        (alone,) = retriever(world, beam_size=4).retrieve([query], k=5)
        assert alone.product_ids == found.product_ids
        assert alone.codes == found.codes
        np.testing.assert_allclose(alone.scores, found.scores, rtol=1e-4)


def test_each_product_is_under_the_code_that_found_it_and_the_code_is_a_beam(world):
    for beams, found in retriever(world, beam_size=4).answers(world.queries, k=100):
        assert found.product_ids
        for product_id, code in zip(found.product_ids, found.codes):
            assert code in beams.codes
            postings = world.table.postings(world.table.id_of_text[code])
            assert world.table.product_ids.index(product_id) in postings


def test_lists_hold_at_most_k(world):
    all_of_them = list(retriever(world).retrieve(world.queries[:2], k=100))
    for k in (1, 3):
        for found, whole in zip(retriever(world).retrieve(world.queries[:2], k=k), all_of_them):
            assert found.product_ids == whole.product_ids[:k]


def test_a_query_without_text_finds_nothing_and_does_not_disturb_others(world):
    queries = [Query("empty", " \t"), world.queries[0], Query("none", "")]
    empty, found, none = retriever(world, beam_size=4).retrieve(queries, k=5)
    alone, _ = retriever(world, beam_size=4).retrieve(world.queries[:2], k=5)
    assert empty.product_ids == none.product_ids == ()
    assert found.product_ids == alone.product_ids
    assert list(retriever(world).retrieve([], k=5)) == []


def test_a_query_longer_than_the_program_is_cut(world):
    text = " ".join(["red shoe"] * 50)
    found, cut = retriever(world).retrieve([Query("long", text), Query("cut", text[:26])], k=3)
    assert len(found.product_ids) == 3
    assert found.product_ids == cut.product_ids


def test_explanations_name_the_granularity_of_each_code(world):
    searcher = retriever(world)
    found, _ = searcher.retrieve(world.queries[:2], k=100)
    explained = searcher.explain(found)
    assert tuple(line.product_id for line in explained) == found.product_ids
    for line in explained:
        num_values = len(line.code.split(" | "))
        assert line.granularity == ("coarse" if num_values < 3 else
                                    "medium" if num_values == 3 else "fine")


def test_a_vocabulary_that_spells_otherwise_is_refused(world):
    class Shifted(type(world.vocabulary)):
        def encode(self, texts):
            return [[token + 1 for token in row] for row in super().encode(texts)]

    with pytest.raises(ArtifactError, match="spells"):
        GenerativeRetriever(world.config, world.params, world.index, Shifted(),
                            head="log_prob_sum", score_params=CodeScoreParams.initial())


def test_searching_imports_neither_tensorflow_nor_training():
    code = ("import sys, gram_jax.retrieval.generative; print(*(name for name in "
            "('tensorflow', 'torch', 'orbax', 'scipy.stats', 'bm25s', 'ir_measures') "
            "if name in sys.modules))")
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "\n"
