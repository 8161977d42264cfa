"""Query tokens to scored products, in one compiled program.

Encode, search the codes, gather their postings, score, fold duplicates, take the top. Model and
index are arguments. Knows token ids and product numbers; nothing of texts.
"""

import dataclasses
import functools

import jax

from gram_jax.core.errors import ConfigError
from gram_jax.decoding.beam_search import beam_search
from gram_jax.decoding.beam_state import Beams
from gram_jax.models.cached_decoder import CachedDecoder
from gram_jax.models.code_score import SIDE_COSTS
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params
from gram_jax.retrieval.device_index import DeviceIndex
from gram_jax.retrieval.shortlist import shortlist


@dataclasses.dataclass(frozen=True, kw_only=True)
class RetrieveSettings:
    """What is fixed when the program is compiled.

    Args:
      beam_size: codes a query.
      num_products: products a query.
      head: a name in `models.code_score.HEADS`.
      reduce: a name in `scoring.REDUCES`.
      normalize: as for `decoding.beam_search`.
    """

    beam_size: int
    num_products: int
    head: str
    reduce: str
    normalize: str = "vocabulary"


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=["products", "scores", "codes", "beams"],
    meta_fields=[],
)
@dataclasses.dataclass(frozen=True)
class Results:
    """Products, best first; where there are fewer, the rest are -1 at a score of -inf."""

    products: jax.Array  # int32 [batch, k]
    scores: jax.Array  # float32 [batch, k]
    codes: jax.Array  # int32 [batch, k], the code that speaks most for each product
    beams: Beams  # [batch, beam], all codes with their log-probabilities


@functools.partial(jax.jit, static_argnames=("config", "settings"))
def retrieve(params: Params, index: DeviceIndex, query_tokens: jax.Array, *,
             config: ModelConfig, settings: RetrieveSettings) -> Results:
    """The products that each query finds.

    Args:
      params: of the model.
      index: built with these params.
      query_tokens: int32 [batch, length], EOS included, 0 is padding. A row of padding alone is
        no query and finds nothing.
      config: sizes of the model.
      settings: what to return and how to score.

    Raises:
      ConfigError: the settings ask for more beams than the index has room for, or for a head that
        reads what the index does not hold.
    """
    if settings.beam_size > index.beam_size:
        raise ConfigError(f"beam_size is {settings.beam_size}, but the index has room for the "
                          f"candidates of {index.beam_size} codes: make it with a larger one")
    held = index.posting_costs if settings.head in SIDE_COSTS else index.posting_token_log_probs
    if held is None:
        raise ConfigError(f"the index does not hold what the head {settings.head!r} reads: make "
                          "it with that head")
    beams = beam_search(CachedDecoder(config, params), index.trie, query_tokens,
                        beam_size=settings.beam_size, normalize=settings.normalize)
    products, scores, codes = shortlist(
        index, beams, head=settings.head, reduce=settings.reduce,
        num_products=settings.num_products)
    return Results(products, scores, codes, beams)
