"""What the learned head reads of a query beside its beams."""

import dataclasses
import functools

import jax

from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params, bind
from gram_jax.models.text_embedding import mean_pooled


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class QuerySide:
    """A batch of queries."""

    tokens: jax.Array  # int32 [batch, length], EOS included, 0 is padding
    embeddings: jax.Array  # float32 [batch, d_model], the mean of the encoder's outputs


@functools.partial(jax.jit, static_argnames="config")
def query_side(config: ModelConfig, params: Params, query_tokens: jax.Array) -> QuerySide:
    """The side of queries that are not searched in the same program."""
    encoded = bind(config, params).encode(query_tokens)
    return QuerySide(query_tokens, mean_pooled(encoded, query_tokens))
