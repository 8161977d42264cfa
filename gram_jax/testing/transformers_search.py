"""The same model and the same search in `transformers`: what ours is compared with.

Needs torch and transformers (extra 'interop'). Knows token ids; nothing of our search.
"""

from collections.abc import Sequence

import numpy as np
import torch
import transformers

from gram_jax.interop.huggingface import state_dict
from gram_jax.interop.huggingface_config import t5_config_fields
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params
from gram_jax.testing.dict_trie import DictTrie

_NO_BEAM = -1e8
"""transformers gives a place that holds no finished beam about -1e9."""


def transformers_model(
    params: Params, config: ModelConfig, *, eos_id: int
) -> transformers.T5ForConditionalGeneration:
    """The model with these parameters, ready to be evaluated."""
    weights = {name: torch.from_numpy(array) for name, array in state_dict(params, config).items()}
    model = transformers.T5ForConditionalGeneration.from_pretrained(
        None, config=transformers.T5Config(**t5_config_fields(config, eos_id=eos_id)),
        state_dict=weights)
    return model.eval()


class TransformersSearch:
    """Constrained beam search as users of transformers write it: `generate` over a dict trie.

    Args:
      model: from `transformers_model`.
      trie: the codes that exist, or anything with its `allowed` and `eos_id`.
      max_depth: tokens of the longest code, EOS included.
    """

    def __init__(self, model: transformers.T5ForConditionalGeneration, trie: DictTrie, *,
                 max_depth: int):
        self._model, self._trie, self._max_depth = model, trie, max_depth

    def generate(self, query_rows: np.ndarray, *, beam_size: int, with_scores: bool = True):
        """What `generate` returns for int32 [batch, encoder_length] (0 is padding)."""
        tokens = torch.from_numpy(np.asarray(query_rows, np.int64))
        with torch.inference_mode():
            return self._model.generate(
                tokens, attention_mask=(tokens != 0).long(),
                prefix_allowed_tokens_fn=self._allowed, num_beams=beam_size,
                num_return_sequences=beam_size, length_penalty=0.0, early_stopping="never",
                do_sample=False, return_dict_in_generate=with_scores, output_scores=with_scores,
                max_length=self._max_depth + 2)  # the start token, and never reached

    def codes(
        self, query_rows: np.ndarray, *, beam_size: int
    ) -> list[list[tuple[tuple[int, ...], float]]]:
        """For each query its codes (tokens with EOS) and their scores, best first."""
        found = self.generate(query_rows, beam_size=beam_size)
        sequences = found.sequences.reshape(len(query_rows), beam_size, -1)[:, :, 1:].tolist()
        scores = found.sequences_scores.reshape(len(query_rows), beam_size).tolist()
        return [[(self._code(row), score) for row, score in zip(*one) if score > _NO_BEAM]
                for one in zip(sequences, scores)]

    def _allowed(self, _, prefix: torch.Tensor) -> Sequence[int]:
        # After EOS comes EOS: transformers keeps finished prefixes where there are too few live.
        return self._trie.allowed(prefix.tolist()[1:]) or [self._trie.eos_id]

    def _code(self, row: list[int]) -> tuple[int, ...]:
        return tuple(row[: row.index(self._trie.eos_id) + 1])
