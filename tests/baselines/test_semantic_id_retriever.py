"""What is found exists, and with beams enough it is the ranking of all ids by the model."""

import dataclasses

import numpy as np
import pytest

from gram_jax.baselines.residual_quantization import fit_residual_quantizer
from gram_jax.baselines.semantic_id_retriever import SemanticIdRetriever
from gram_jax.baselines.semantic_ids import SemanticIds, assign_semantic_ids
from gram_jax.codes.code_table import CodeTable
from gram_jax.core.errors import InputError
from gram_jax.core.records import Query
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params
from gram_jax.retrieval.code_log_probs import code_log_probs
from gram_jax.testing.tiny_catalog import tiny_shop
from gram_jax.testing.tiny_model import tiny_config, tiny_params
from gram_jax.text.encoding import encode_codes, encode_inputs
from gram_jax.text.new_words import sentencepiece_with_words
from gram_jax.text.prompts import query_input
from gram_jax.text.vocabulary import SentencePieceVocabulary, train_vocabulary

NUM_PRODUCTS, MAX_LENGTH, ROUNDING = 24, 8, 5e-5


@dataclasses.dataclass(frozen=True)
class World:
    ids: SemanticIds
    vocabulary: SentencePieceVocabulary
    config: ModelConfig
    params: Params
    queries: list[Query]


@pytest.fixture(scope="module", params=[True, False], ids=["balanced", "suffixes"])
def world(request, tmp_path_factory):
    """Random parameters over ids of two levels, with suffixes in one of the two worlds.

    The worlds differ in no size, so that they share their programs.
    """
    embeddings = np.random.default_rng(0).uniform(size=(NUM_PRODUCTS, 2)).astype(np.float32)
    embeddings[:5] = embeddings[5]
    quantizer = fit_residual_quantizer(embeddings, num_levels=2, num_codewords=8, seed=0)
    ids = assign_semantic_ids(quantizer, embeddings, [f"p{n}" for n in range(NUM_PRODUCTS)],
                              balance_last_level=request.param)
    shop, path = tiny_shop(), tmp_path_factory.mktemp("world") / "vocabulary.model"
    train_vocabulary([query.text for query in shop.queries] * 3, vocab_size=330, path=path)
    words = dict.fromkeys([*ids.words, *(f"sid2c{number}" for number in range(6))])
    vocabulary = SentencePieceVocabulary(sentencepiece_with_words(path.read_bytes(), list(words)))
    config = tiny_config(vocabulary.vocab_size)
    params = tiny_params(config, seed=3)
    # Logits far enough apart that beams change places.
    params["decoder"]["logits_dense"]["kernel"] = 6.0 * params["decoder"]["logits_dense"]["kernel"]
    return World(ids, vocabulary, config, params, [*shop.queries[:5], Query("empty", "  ")])


def retriever(world, **options):
    return SemanticIdRetriever(
        world.config, world.params, world.ids.code_table(), world.vocabulary,
        **({"batch_size": 8, "max_query_length": MAX_LENGTH} | options))


def brute_force(world, query):
    """ln P(id | query) of every product, each id scored by itself: float64 [products]."""
    texts = encode_inputs(world.vocabulary, [query_input(query.text)], MAX_LENGTH)
    codes = encode_codes(world.vocabulary, world.ids.texts)
    every = np.arange(NUM_PRODUCTS)
    return code_log_probs(world.config, world.params, texts, codes, np.zeros_like(every),
                          every).astype(np.float64).sum(axis=1)


def test_the_two_worlds_have_suffixes_and_have_none(world, request):
    assert (world.ids.num_suffixes > 0) == ("suffixes" in request.node.callspec.id)


def test_with_a_beam_for_every_id_the_ranking_is_that_of_brute_force(world):
    found = list(retriever(world, beam_size=NUM_PRODUCTS).retrieve(world.queries, k=NUM_PRODUCTS))
    assert [ranked.query_id for ranked in found] == [query.query_id for query in world.queries]
    assert found[-1].product_ids == ()
    for query, ranked in zip(world.queries[:-1], found):
        expected = brute_force(world, query)
        places = [int(name[1:]) for name in ranked.product_ids]
        assert sorted(places) == list(range(NUM_PRODUCTS))
        np.testing.assert_allclose(ranked.scores, expected[places], atol=ROUNDING)
        # A closer call than rounding may go either way.
        assert np.all(np.diff(expected[places]) < 2 * ROUNDING)
        assert ranked.codes == tuple(world.ids.texts[place] for place in places)


def test_fewer_beams_find_only_ids_that_exist_with_the_model_s_scores(world):
    for query, ranked in zip(world.queries[:-1],
                             retriever(world, beam_size=6).retrieve(world.queries, k=50)):
        assert 0 < len(ranked.product_ids) <= 6
        assert set(ranked.codes) <= set(world.ids.texts)
        expected = brute_force(world, query)
        np.testing.assert_allclose(
            ranked.scores, [expected[int(name[1:])] for name in ranked.product_ids], atol=ROUNDING)


def test_k_cuts_the_list_and_a_query_may_be_asked_twice(world):
    same = [world.queries[0]] * 2
    whole = list(retriever(world, beam_size=6).retrieve(same, k=6))
    cut = list(retriever(world, beam_size=6).retrieve(iter(same), k=2))
    assert whole[0] == whole[1] and len(whole[0].product_ids) == 6
    assert [ranked.product_ids for ranked in cut] == [r.product_ids[:2] for r in whole]


def test_a_vocabulary_that_reads_two_ids_alike_is_refused(world):
    class Blind(SentencePieceVocabulary):
        def encode(self, texts):
            return [row[:1] for row in super().encode(texts)]

    blind = dataclasses.replace(world, vocabulary=Blind(world.vocabulary.model_bytes))
    with pytest.raises(InputError, match="the same tokens"):
        retriever(blind)


def test_a_table_whose_ids_name_several_products_is_refused(world):
    code = world.ids.code_table().codes[0]
    table = CodeTable.build({code: [0, 1]}, ["a", "b"])
    with pytest.raises(ValueError, match="names several products"):
        SemanticIdRetriever(world.config, world.params, table, world.vocabulary)
