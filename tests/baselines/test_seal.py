"""From queries to products by generated n-grams, with a model that knows nothing and one that does.
"""

import dataclasses
import functools
import math

import jax
import numpy as np
import optax
import pytest

from gram_jax.baselines.intersective_score import IntersectiveSettings
from gram_jax.baselines.ngram_examples import NgramSampling, ngram_examples
from gram_jax.baselines.seal import SealRetriever, build_title_ngrams
from gram_jax.core.clicks import ClickTable
from gram_jax.core.errors import ArtifactError, InputError
from gram_jax.core.protocols import Retriever
from gram_jax.core.records import Click, Product, Query
from gram_jax.data.feature_converters import to_batch
from gram_jax.models.objectives import code_generation_objective
from gram_jax.models.params import bind
from gram_jax.models.teacher_forcing import code_token_log_probs
from gram_jax.retrieval.query_beams import query_rows
from gram_jax.testing.numeral_vocabulary import NumeralVocabulary
from gram_jax.testing.tiny_catalog import tiny_shop
from gram_jax.testing.tiny_model import tiny_config, tiny_params
from gram_jax.text.encoding import encode_codes, encode_inputs
from gram_jax.text.prompts import query_input
from gram_jax.text.vocabulary import SentencePieceVocabulary, train_vocabulary

MAX_TOKENS, MAX_LENGTH = 3, 8
PRODUCTS = [Product(f"p{number}", title) for number, title in enumerate([
    "1 2 3 4 5 6", "3 4 5 9", "7 8 9 10 11 12 13", "20 21 20 21 22", "30 31 32", "", "1 2 30",
    "40 41 42 43 44 45 46 47 48 49 50", "51 52 53 54 55 56 57 58 59 60 61", "9"])]
QUERIES = [Query("a", "3 4"), Query("b", "9"), Query("nothing", " "), Query("c", "40 7 20"),
           Query("d", "5")]


@dataclasses.dataclass
class World:
    config: object
    params: object
    vocabulary: object

    def retriever(self, products=PRODUCTS, **settings):
        table = build_title_ngrams(products, self.vocabulary, max_tokens=MAX_TOKENS)
        settings = {"scoring": IntersectiveSettings(smoothing=0.0), "batch_size": 3,
                    "max_query_length": MAX_LENGTH, **settings}
        return SealRetriever(self.config, self.params, self.vocabulary, table, products, **settings)


@pytest.fixture(scope="module")
def world():
    """A random model whose parameters are large, so that it prefers some tokens to others."""
    config = tiny_config()
    params = jax.tree.map(lambda array: 4 * array, tiny_params(config, seed=3))
    return World(config, params, NumeralVocabulary())


@functools.partial(jax.jit, static_argnames="config")
def teacher_forced(config, params, rows, codes):
    return code_token_log_probs(bind(config, params), rows, codes)


def stands_in(ngram, title):
    return f" {ngram} " in f" {title} "


def test_it_is_a_retriever_that_answers_every_query_in_order(world):
    retriever: Retriever = world.retriever()
    assert retriever.name == "SEAL"
    run = list(retriever.retrieve(QUERIES, k=4))
    assert [ranked.query_id for ranked in run] == [query.query_id for query in QUERIES]
    assert all(len(ranked.product_ids) <= 4 for ranked in run)
    assert run[2].product_ids == (), "a query without text has no answer"
    assert sum(len(ranked.product_ids) for ranked in run) > 4


def test_titles_of_found_products_hold_the_ngrams_that_found_them(world):
    titles = {product.product_id: product.title for product in PRODUCTS}
    for ranked in world.retriever().retrieve(QUERIES, k=10):
        assert len(ranked.codes) == len(ranked.product_ids)
        for product_id, ngram in zip(ranked.product_ids, ranked.codes):
            assert ngram and stands_in(ngram, titles[product_id])


def test_every_generated_ngram_occurs_with_the_probability_that_the_model_gives_it(world):
    retriever = world.retriever()
    found = list(retriever.ngrams(QUERIES))
    assert [query for query, _, _ in found] == QUERIES
    rows = query_rows(world.vocabulary, QUERIES, MAX_LENGTH)
    for row, (query, ngrams, log_probs) in zip(rows, found):
        assert bool(len(ngrams)) == bool(query.text.strip())
        if not len(ngrams):
            continue
        for text in world.vocabulary.decode(ngrams.tolist()):
            assert any(stands_in(text, product.title) for product in PRODUCTS)
        codes = np.zeros((1, 120, MAX_TOKENS), np.int32)  # one shape for all queries
        codes[0, :len(ngrams)] = ngrams
        forced = teacher_forced(world.config, world.params, row[None], codes)[0, :len(ngrams)]
        np.testing.assert_allclose(forced.sum(axis=1), log_probs, rtol=1e-4, atol=1e-4)


def test_products_are_found_by_exactly_the_ngrams_that_the_query_makes_more_probable(world):
    num_tokens = sum(len(product.title.split()) for product in PRODUCTS)
    retriever = world.retriever()
    for (_, ngrams, log_probs), ranked in zip(retriever.ngrams(QUERIES),
                                              retriever.retrieve(QUERIES, k=10)):
        texts = world.vocabulary.decode(ngrams.tolist())
        titles = [product.title for product in PRODUCTS]
        counts = {text: sum(title.split()[i:i + len(text.split())] == text.split()
                            for title in titles for i in range(len(title.split())))
                  for text in texts}
        speaking = [text for text, log_prob in zip(texts, log_probs)
                    if log_prob > math.log(counts[text] / num_tokens) + 1e-6]
        expected = {product.product_id for product in PRODUCTS
                    if any(stands_in(text, product.title) for text in speaking)}
        assert set(ranked.product_ids) == expected


def test_words_of_the_query_count_though_no_beam_found_them(world):
    def first_ngrams(**settings):
        retriever = world.retriever(beam_size=1, num_unigrams=1, **settings)
        _, ngrams, _ = next(retriever.ngrams(QUERIES))
        return world.vocabulary.decode(ngrams.tolist())

    without = first_ngrams(max_query_words=0)
    assert len(without) <= MAX_TOKENS and not {"3", "4", "3 4"} & set(without)
    assert first_ngrams() == [*without, "3", "3 4", "4"]


def test_a_query_asked_alone_is_answered_as_among_others(world):
    retriever = world.retriever()
    expected = list(retriever.retrieve(QUERIES, k=5))
    assert [next(retriever.retrieve([query], k=5)) for query in QUERIES] == expected


def test_a_table_of_other_products_or_of_another_vocabulary_is_refused(world):
    table = build_title_ngrams(PRODUCTS, world.vocabulary, max_tokens=MAX_TOKENS)
    other = [Product("p0", "1 2 4"), *PRODUCTS[1:]]
    for products, message in ((PRODUCTS[1:], "10 titles"), (other, "'p0'")):
        with pytest.raises(ArtifactError, match=message):
            SealRetriever(world.config, world.params, world.vocabulary, table, products)


def test_a_title_in_tokens_that_the_model_cannot_say_is_named(world):
    vocabulary = NumeralVocabulary()
    vocabulary.output_vocab_size = 40
    with pytest.raises(InputError, match="title 7 has token 42"):
        build_title_ngrams(PRODUCTS, vocabulary)


def trained(batch, config, *, num_steps):
    """The parameters after some steps of Adam on the objective of the code generators."""
    objective, optimizer = code_generation_objective(config), optax.adam(1e-2)

    def loss(params):
        value = objective(params, batch, None)
        return value.loss_sum / value.weight_sum

    @jax.jit
    def steps(params):
        def step(state, _):
            params, moments = state
            updates, moments = optimizer.update(jax.grad(loss)(params), moments, params)
            return (optax.apply_updates(params, updates), moments), None

        return jax.lax.scan(step, (params, optimizer.init(params)), None, length=num_steps)[0][0]

    return steps(tiny_params(config))


def test_a_model_that_learned_drawn_ngrams_finds_what_was_clicked(tmp_path):
    shop = tiny_shop()
    queries, titles = shop.queries_of("train"), [product.title for product in shop.products]
    train_vocabulary([*titles, *(query.text for query in queries)] * 3, vocab_size=420,
                     path=tmp_path / "vocabulary.model")
    vocabulary = SentencePieceVocabulary.load(tmp_path / "vocabulary.model")
    clicks = ClickTable.of_clicks(shop.clicks, [query.query_id for query in queries],
                                  [product.product_id for product in shop.products])
    examples = ngram_examples(queries, clicks, titles, vocabulary, NgramSampling(max_tokens=5))
    pairs = [(example.text, code) for example in examples for code in example.codes]
    texts, codes = zip(*pairs)
    batch = to_batch(encode_inputs(vocabulary, [query_input(text) for text in texts], 16),
                     encode_codes(vocabulary, codes), ())
    config = tiny_config(vocabulary.vocab_size)
    table = build_title_ngrams(shop.products, vocabulary, max_tokens=5)

    def num_hits(params):
        """Queries with a clicked product among the first three, by generated n-grams alone."""
        retriever = SealRetriever(
            config, params, vocabulary, table, shop.products, batch_size=10, max_query_length=16,
            beam_size=8, num_unigrams=0, max_query_words=0,
            scoring=IntersectiveSettings(smoothing=0.0))
        return sum(any(Click(query.query_id, product_id) in clicked
                       for product_id in ranked.product_ids)
                   for query, ranked in zip(queries, retriever.retrieve(queries, k=3)))

    clicked = {Click(click.query_id, click.product_id) for click in shop.clicks}
    assert num_hits(trained(batch, config, num_steps=80)) >= 9 > 5 >= num_hits(tiny_params(config))
