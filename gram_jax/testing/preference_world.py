"""A few clicked pairs whose every number says where it comes from, for tests of preferences.

Knows no model: log-probabilities are made up from the numbers of text, code and token.
"""

import numpy as np

from gram_jax.codes.code_rows import CodeRows
from gram_jax.codes.preferences import PreferenceSettings, build_preferences
from gram_jax.data.preference_batches import MinedCodes, PreferenceTokens
from gram_jax.data.preference_store import CodeLogProbs, PreferenceStore, codes_of_texts

NUM_CODES, CODE_LENGTH = 12, 6
EOS = 1


def code_tokens() -> np.ndarray:
    """Code c is its number plus 2, one to five times, and EOS: int32 [12, 6]."""
    tokens = np.zeros((NUM_CODES, CODE_LENGTH), np.int32)
    for code in range(NUM_CODES):
        tokens[code, :code % 5 + 1] = code + 2
        tokens[code, code % 5 + 1] = EOS
    return tokens


def text_tokens(num_texts: int, first: int) -> np.ndarray:
    """Text t is the token `first` + t and EOS, with columns of padding: int32 [texts, 4]."""
    tokens = np.zeros((num_texts, 4), np.int32)
    tokens[:, 0], tokens[:, 1] = first + np.arange(num_texts), EOS
    return tokens


def made_up_log_probs(texts: np.ndarray, codes: np.ndarray, side: int) -> np.ndarray:
    """float32 [n, 6], a function of side, text, code and place; 0 where the code has ended."""
    values = -(1 + side + 0.1 * texts[:, None] + 0.01 * codes[:, None]
               + 0.001 * np.arange(CODE_LENGTH))
    return np.where(code_tokens()[codes] > 0, values, 0).astype(np.float32)


def preference_world(num_queries: int = 5, num_products: int = 4, seed: int = 0,
                     max_positives: int = 2) -> tuple[PreferenceStore, PreferenceTokens,
                                                      MinedCodes]:
    """Every query has clicked every product; each side generated four codes."""
    rng = np.random.default_rng(seed)
    of_queries, of_products, mined_of_queries, filed = (
        CodeRows.of_lists([rng.permutation(NUM_CODES)[:4].tolist() for _ in range(count)])
        for count in (num_queries, num_products) * 2)
    queries, products = (axis.ravel().astype(np.int32) for axis in np.meshgrid(
        np.arange(num_queries), np.arange(num_products), indexing="ij"))
    tokens = PreferenceTokens(text_tokens(num_queries, 20), text_tokens(num_products, 40),
                              code_tokens())
    found = build_preferences(
        queries, products, query_codes=of_queries, product_codes=of_products, filed=filed,
        mined=mined_of_queries.chosen(queries).also_in(filed.chosen(products), NUM_CODES),
        code_values=CodeRows.of_lists([[code] for code in range(NUM_CODES)]),
        code_lengths=(tokens.codes > 0).sum(axis=1), beam_size=10, seed=seed,
        settings=PreferenceSettings(max_positives=max_positives))
    found = found.chosen(found.has_loser)
    scored = []
    for side, text_of_pair in enumerate((queries, products)):
        texts, codes = codes_of_texts(found, text_of_pair, NUM_CODES)
        scored.append(CodeLogProbs(texts, codes, made_up_log_probs(texts, codes, side),
                                   NUM_CODES))
    store = PreferenceStore(
        tuple(f"q{row}" for row in range(num_queries)),
        tuple(f"p{row}" for row in range(num_products)), queries, products, found, *scored,
        "table", "params")
    return store, tokens, MinedCodes(mined_of_queries, filed)
