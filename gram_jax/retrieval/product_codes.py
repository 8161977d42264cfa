"""How the product-code generator codes a catalogue, and the products that come to it later.

Method sections 2 and 5. Knows texts of products; nothing of where they come from.
"""

import dataclasses
from collections.abc import Sequence

from gram_jax.codes.code_table import CodeTable
from gram_jax.codes.generated_codes import GeneratedCodes
from gram_jax.core.errors import ConfigError
from gram_jax.core.protocols import Vocabulary
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params
from gram_jax.retrieval.code_generation import generate_codes
from gram_jax.text.prompts import product_input
from gram_jax.trie.code_trie import CodeTrie


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProductCoding:
    """Which generated codes become postings.

    Args:
      max_codes: codes of a product, the most probable ones.
      beam_size: codes that are generated for it; not fewer.
      min_log_prob: a code with a lower ln p(code | product) is left out; None leaves out none.
      max_input_length: tokens read of a product's text with its prompt, EOS included, as in
        training.

    Raises:
      ConfigError: a size is not positive, or `beam_size` is below `max_codes`.
    """

    max_codes: int = 10
    beam_size: int = 10
    min_log_prob: float | None = None
    max_input_length: int = 40

    def __post_init__(self):
        for name in ("max_codes", "beam_size", "max_input_length"):
            if getattr(self, name) < 1:
                raise ConfigError(f"ProductCoding.{name} must be positive, not "
                                  f"{getattr(self, name)}")
        if self.beam_size < self.max_codes:
            raise ConfigError(f"{self.max_codes} codes of each product are wanted, but only "
                              f"{self.beam_size} generated: raise beam_size")


def code_products(config: ModelConfig, params: Params, trie: CodeTrie, code_table: CodeTable,
                  vocabulary: Vocabulary, product_ids: Sequence[str],
                  product_texts: Sequence[str], coding: ProductCoding,
                  **options) -> GeneratedCodes:
    """The codes that become postings of each product.

    Args:
      config: sizes of the model.
      params: its parameters.
      trie: of the table's codes.
      code_table: the codes that exist.
      vocabulary: of the model.
      product_ids: unique.
      product_texts: what the product-code generator reads of each, without its prefix.
      coding: how many codes, and how sure.
      **options: `batch_size`, `folder`, `partitioner` and `progress` of `generate_codes`.
    """
    generated = generate_codes(
        config, params, trie, code_table, vocabulary, product_ids,
        [product_input(text) for text in product_texts], beam_size=coding.beam_size,
        max_input_length=coding.max_input_length, description="code products", **options)
    return generated.best(coding.max_codes, min_log_prob=coding.min_log_prob)
