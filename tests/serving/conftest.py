"""A snapshot of the tiny shop, with a model that has learned nothing."""

import numpy as np
import pytest

from gram_jax.codes.code import Code
from gram_jax.codes.code_table import CodeTable
from gram_jax.models.code_score import CodeScoreParams
from gram_jax.retrieval.index import build_index
from gram_jax.retrieval.scoring import ScoringHead
from gram_jax.serving.snapshot import SearchSettings, Snapshot
from gram_jax.testing.tiny_catalog import tiny_shop
from gram_jax.testing.tiny_model import tiny_config, tiny_params
from gram_jax.text.vocabulary import SentencePieceVocabulary, train_vocabulary

SEARCH = SearchSettings(beam_size=4, batch_size=2, max_query_length=8)


@pytest.fixture(scope="session")
def snapshot(tmp_path_factory) -> Snapshot:
    products = tiny_shop().products
    postings: dict[Code, list[int]] = {}
    for place, product in enumerate(products):
        for values in product.attributes.values():
            value = values[0].lower()
            postings.setdefault(Code(value, (("modifier", value),)), []).append(place)
    table = CodeTable.build(postings, [product.product_id for product in products])
    path = tmp_path_factory.mktemp("vocabulary") / "v.model"
    train_vocabulary([product.title for product in products] + [c.text for c in table.codes],
                     vocab_size=400, path=path)
    vocabulary = SentencePieceVocabulary.load(path)
    config = tiny_config(vocabulary.vocab_size)
    params = tiny_params(config)
    index = build_index(table, vocabulary, config, params, [p.title for p in products],
                        batch_size=16, max_product_length=16)
    weights = CodeScoreParams(np.array([-1, -2, -.5], np.float32), np.array([0, .5, 1], np.float32))
    return Snapshot(config, params, vocabulary, index, ScoringHead("log_prob_sum", "sum", weights),
                    SEARCH, {product.product_id: product.title for product in products})
