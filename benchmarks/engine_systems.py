"""The systems that `decode.py` times: ours and its peers, each over the same codes and weights.

A system has a name, `search(queries)`, which returns when the search is done, and
`codes(queries)`, which gives for each query its codes (tokens with EOS) and scores, best first.
"""

import jax
import numpy as np
from engine_codes import EOS_ID, code_lists, trie_of
from masked_beam_search import build_mask_trie, masked_beam_search

from gram_jax.decoding.beam_search import beam_search
from gram_jax.models.cached_decoder import CachedDecoder
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params


class Ours:
    """The engine's beam search; `endings` as its argument of that name."""

    def __init__(self, config: ModelConfig, params: Params, rows: np.ndarray, *, beam_size: int,
                 endings: str = "ranked"):
        self.name = "ours" if endings == "ranked" else f"ours, {endings} endings"
        self.decoder = CachedDecoder(config, params)
        self.trie = jax.device_put(trie_of(rows, config.vocab_size))
        self.options = {"beam_size": beam_size, "endings": endings}

    def search(self, queries: np.ndarray):
        return jax.block_until_ready(
            beam_search(self.decoder, self.trie, queries, **self.options))

    def codes(self, queries: np.ndarray):
        found = self.search(queries)
        return _listed(found.tokens, found.log_probs)


class Masked:
    """A mask over the whole vocabulary, in JAX."""

    name = "masked"

    def __init__(self, config: ModelConfig, params: Params, rows: np.ndarray, *, beam_size: int):
        self.params = params
        self.trie = jax.device_put(build_mask_trie(rows, config.vocab_size))
        self.options = {"config": config, "beam_size": beam_size, "max_length": rows.shape[1]}

    def search(self, queries: np.ndarray):
        return jax.block_until_ready(
            masked_beam_search(self.params, self.trie, queries, **self.options))

    def codes(self, queries: np.ndarray):
        return _listed(*self.search(queries))


class NestedDicts:
    """A prefix trie as users of transformers write it: a walk from the root for every question."""

    def __init__(self, codes: list[tuple[int, ...]], *, eos_id: int):
        self.eos_id, self.root = eos_id, {}
        for code in codes:
            node = self.root
            for token in (*code, eos_id):
                node = node.setdefault(token, {})

    def allowed(self, prefix: list[int]) -> list[int]:
        """The tokens that may follow; none where the prefix is unknown."""
        node = self.root
        for token in prefix:
            node = node.get(token, {})
        return list(node)


class Transformers:
    """`generate` of transformers with `prefix_allowed_tokens_fn` over a dictionary trie."""

    name = "transformers"

    def __init__(self, config: ModelConfig, params: Params, rows: np.ndarray, *, beam_size: int):
        from gram_jax.testing.transformers_search import TransformersSearch, transformers_model

        self.beam_size = beam_size
        self.peer = TransformersSearch(
            transformers_model(params, config, eos_id=EOS_ID),
            NestedDicts(code_lists(rows), eos_id=EOS_ID), max_depth=rows.shape[1])

    def search(self, queries: np.ndarray):
        return self.peer.generate(queries, beam_size=self.beam_size, with_scores=False)

    def codes(self, queries: np.ndarray):
        return self.peer.codes(queries, beam_size=self.beam_size)


SYSTEMS = {"ours": Ours, "transformers": Transformers, "masked": Masked}


def _listed(tokens, scores):
    """[batch, beam, length], [batch, beam] -> for each query [(tokens with EOS, score)]."""
    tokens, scores = np.asarray(tokens), np.asarray(scores)
    return [[(tuple(np.trim_zeros(row, "b").tolist()), float(score))
             for row, score in zip(*one) if score > -np.inf] for one in zip(tokens, scores)]
