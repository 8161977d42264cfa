"""From clicked pairs and a trained model to the preferences that co-alignment learns from.

Both generators write their codes, winners and losers are chosen among these, and the model's own
log-probabilities of them are kept as the reference. Knows no stage and no file but its chunks.
"""

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from gram_jax.codes.code_rows import CodeRows, values_of_codes
from gram_jax.codes.code_table import CodeTable
from gram_jax.codes.preferences import Preferences, PreferenceSettings, build_preferences
from gram_jax.core.protocols import Vocabulary
from gram_jax.data.preference_batches import PreferenceTokens
from gram_jax.data.preference_store import CodeLogProbs, PreferenceStore, codes_of_texts
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params, digest_params
from gram_jax.partitioning.partitioner import Partitioner
from gram_jax.pipeline.clicked_pairs import ClickedPairs
from gram_jax.pipeline.stage import Progress
from gram_jax.retrieval.code_generation import generate_codes
from gram_jax.retrieval.code_log_probs import code_log_probs
from gram_jax.retrieval.index import spell_codes
from gram_jax.text.encoding import encode_codes, encode_inputs
from gram_jax.trie.code_trie import CodeTrie


@dataclasses.dataclass(frozen=True, kw_only=True)
class PreferenceGeneration:
    """How the two sides' codes are generated and scored.

    Attributes:
      beam_size: codes a side.
      max_input_length: tokens kept of a text with its prompt, EOS included, as in training.
      batch_size: texts searched together.
      scoring_batch_size: pairs of text and code scored together.
    """

    beam_size: int
    max_input_length: int
    batch_size: int = 64
    scoring_batch_size: int = 256


def spell(clicked: ClickedPairs, table: CodeTable, vocabulary: Vocabulary,
          max_input_length: int) -> PreferenceTokens:
    """Texts and codes as the model reads and writes them."""
    queries, products = (encode_inputs(vocabulary, texts, max_input_length)
                         for texts in (clicked.query_inputs, clicked.product_inputs))
    return PreferenceTokens(queries, products,
                            encode_codes(vocabulary, [code.text for code in table.codes]))


def build_store(clicked: ClickedPairs, table: CodeTable, vocabulary: Vocabulary,
                tokens: PreferenceTokens, config: ModelConfig, params: Params, *,
                settings: PreferenceSettings, generation: PreferenceGeneration, seed: int,
                partitioner: Partitioner, folder: Path,
                progress: Progress) -> tuple[PreferenceStore, Mapping[str, int | float]]:
    """Generates, chooses and scores.

    Args:
      clicked: the pairs.
      table: the codes that may be generated.
      vocabulary: of the model.
      tokens: from `spell`.
      config: the model's sizes.
      params: its parameters.
      settings: which codes win and which lose.
      generation: beams and batches.
      seed: of the drawn losers.
      partitioner: splits batches over its devices.
      folder: where finished chunks of generated codes are kept; the caller removes it.
      progress: shown over what is computed.

    Returns:
      The winners that have a loser, with the reference, and `Preferences.report` of all winners.
    """
    generate = functools.partial(
        _generated, config, params, spell_codes(table, vocabulary), table, vocabulary,
        generation=generation, partitioner=partitioner, progress=progress)
    found = build_preferences(
        clicked.queries, clicked.products,
        query_codes=generate(clicked.query_ids, clicked.query_inputs, folder / "queries",
                             "generate codes of queries"),
        product_codes=generate(clicked.product_ids, clicked.product_inputs, folder / "products",
                               "generate codes of products"),
        filed=clicked.filed, mined=clicked.mined(table.num_codes),
        code_values=values_of_codes(table), code_lengths=(tokens.codes > 0).sum(axis=1),
        beam_size=generation.beam_size, seed=seed, settings=settings)
    teaching = found.chosen(found.has_loser)
    score = functools.partial(_scored, config, params, tokens.codes, teaching,
                              batch_size=generation.scoring_batch_size, progress=progress)
    store = PreferenceStore(
        clicked.query_ids, clicked.product_ids, clicked.queries, clicked.products, teaching,
        score(tokens.queries, clicked.queries, "score codes of queries"),
        score(tokens.products, clicked.products, "score codes of products"),
        table.digest, digest_params(params))
    return store, found.report()


def _generated(config: ModelConfig, params: Params, trie: CodeTrie, table: CodeTable,
               vocabulary: Vocabulary, ids: tuple[str, ...], inputs: tuple[str, ...],
               folder: Path, description: str, *, generation: PreferenceGeneration,
               partitioner: Partitioner, progress: Progress) -> CodeRows:
    """The best codes of every text, best first."""
    found = generate_codes(
        config, params, trie, table, vocabulary, ids, inputs, beam_size=generation.beam_size,
        batch_size=generation.batch_size, max_input_length=generation.max_input_length,
        folder=folder, partitioner=partitioner, description=description, progress=progress)
    return CodeRows(found.starts, found.codes)


def _scored(config: ModelConfig, params: Params, code_tokens: np.ndarray,
            preferences: Preferences, text_tokens: np.ndarray, text_of_pair: np.ndarray,
            description: str, *, batch_size: int, progress: Progress) -> CodeLogProbs:
    """The log-probabilities of every code that a preference needs of one side."""
    texts, codes = codes_of_texts(preferences, text_of_pair, len(code_tokens))
    log_probs = code_log_probs(config, params, text_tokens, code_tokens, texts, codes,
                               batch_size=batch_size, description=description, progress=progress)
    return CodeLogProbs(texts, codes, log_probs, len(code_tokens))
