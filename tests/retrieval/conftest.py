"""Random little worlds: codes, products and a model that has learned nothing."""

import dataclasses
import functools

import jax
import numpy as np
import pytest

from gram_jax.codes.code import Code
from gram_jax.codes.code_table import CodeTable
from gram_jax.core.records import Query
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params, bind
from gram_jax.models.teacher_forcing import code_token_log_probs
from gram_jax.retrieval.index import RetrievalIndex, build_index
from gram_jax.retrieval.query_beams import QueryBeams
from gram_jax.testing.tiny_model import tiny_config, tiny_params
from gram_jax.text.encoding import with_eos
from gram_jax.trie.builder import build_trie

WORDS = ("nike", "adidas", "shoe", "boot", "red", "blue", "men", "air", "max", "trail")
MAX_LENGTH = 8


class WordVocabulary:
    """A token for each word, numbered as they are met."""

    vocab_size = 64
    eos_id = 1

    def __init__(self):
        self.ids = {}
        self.encode(["query: product: |", " ".join(WORDS)])

    def encode(self, texts):
        return [[self.ids.setdefault(word, len(self.ids) + 2) for word in text.split()]
                for text in texts]

    def decode(self, token_ids):
        words = {number: word for word, number in self.ids.items()}
        return [" ".join(words[token] for token in row if token in words) for row in token_ids]


@dataclasses.dataclass
class World:
    vocabulary: WordVocabulary
    config: ModelConfig
    params: Params
    table: CodeTable
    texts: list[str]
    index: RetrievalIndex
    queries: list[Query]

    def log_probs_of_all_codes(self, text):
        """Teacher-forced, one text alone: float32 [codes, length]."""
        (tokens,) = self.vocabulary.encode([text])
        row = [*tokens[:MAX_LENGTH - 1], 1]
        rows = np.array([row + [0] * (MAX_LENGTH - len(row))], np.int32)
        return np.asarray(teacher_forced(
            self.config, self.params, rows, self.index.code_tokens[None]))[0]


@functools.partial(jax.jit, static_argnames="config")
def teacher_forced(config, params, texts, codes):
    return code_token_log_probs(bind(config, params), texts, codes)


def random_table(rng, *, num_codes, num_products):
    """Codes of one to five values over products, some of which have no code."""
    codes = set()
    while len(codes) < num_codes:
        values = rng.choice(WORDS, rng.integers(1, 6), replace=False)
        codes.add(Code(" | ".join(values), tuple(("modifier", str(value)) for value in values)))
    postings = {code: rng.choice(num_products - 2, rng.integers(1, num_products - 2), replace=False)
                for code in codes}
    return CodeTable.build(postings, [f"p{i}" for i in range(num_products)])


def random_index(rng, *, num_products=10, params_digest="params", on_grid=False):
    """An index whose probabilities are drawn and not computed; `on_grid` makes many of them equal.
    """
    table = random_table(rng, num_codes=8, num_products=num_products)
    rows = [[2 + i, 30, 31][:rng.integers(1, 4)] for i in range(8)]
    tokens = with_eos(rows, 1, 4)
    trie = build_trie(tokens, vocab_size=64, eos_id=1)
    log_probs = random_log_probs(rng, (table.num_postings, trie.max_depth), on_grid)
    log_probs[tokens[table.posting_codes] == 0] = 0
    return RetrievalIndex(table, trie, log_probs.astype(np.float16), params_digest)


def random_beams(rng, index, query_id, *, on_grid=False):
    code_ids = rng.permutation(8)[:rng.integers(0, 6)].astype(np.int32)
    tokens = index.code_tokens[code_ids]
    log_probs = np.where(tokens != 0, random_log_probs(rng, tokens.shape, on_grid), 0)
    return QueryBeams(query_id, tuple(index.code_table.codes[i].text for i in code_ids),
                      log_probs.sum(1).astype(np.float32), code_ids, tokens,
                      log_probs.astype(np.float32))


def random_log_probs(rng, shape, on_grid):
    return -rng.integers(1, 4, shape) / 2 if on_grid else np.log(rng.uniform(0.01, 1, shape))


def random_world(seed, *, num_codes=14, num_products=12):
    rng = np.random.default_rng(seed)
    vocabulary, config = WordVocabulary(), tiny_config()
    params = tiny_params(config, seed=seed)
    table = random_table(rng, num_codes=num_codes, num_products=num_products)
    texts = [" ".join(rng.choice(WORDS, rng.integers(1, 9))) for _ in range(num_products)]
    index = build_index(table, vocabulary, config, params, texts, batch_size=512,
                        max_product_length=MAX_LENGTH)
    queries = [Query(f"q{i}", " ".join(rng.choice(WORDS, rng.integers(1, 4)))) for i in range(7)]
    return World(vocabulary, config, params, table, texts, index, queries)


@pytest.fixture(scope="session")
def world():
    return random_world(0)
