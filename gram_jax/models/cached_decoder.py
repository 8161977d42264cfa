"""The model as beam search sees it: `core.protocols.Decoder` with a cache of keys and values.

Knows nothing about which tokens are allowed or how beams are chosen.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp

from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params, bind
from gram_jax.nn import kv_cache
from gram_jax.nn.attention import KeysValues, padding_bias


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class DecodingCache:
    """What a `CachedDecoder` keeps between steps; encoded texts are held once for all beams."""

    encoded: tuple[KeysValues, ...]  # a layer each: [batch, heads, encoder_length, head_dim]
    encoder_bias: jax.Array  # float32 [batch, 1, 1, encoder_length]
    past: kv_cache.Past


@functools.partial(jax.tree_util.register_dataclass, data_fields=["params"], meta_fields=["config"])
@dataclasses.dataclass(frozen=True)
class CachedDecoder:
    """A pytree, so that it is an argument of a jitted search and not a constant inside it.

    Attributes:
      config: the model's sizes, static.
      params: its parameters.
    """

    config: ModelConfig
    params: Params

    def prefill(self, encoder_input_tokens: jax.Array, *, max_length: int,
                max_beams: int) -> DecodingCache:
        """Encodes int32 [batch, encoder_length]; one beam each, with room for more and longer."""
        model = bind(self.config, self.params)
        batch = encoder_input_tokens.shape[0]
        return DecodingCache(
            encoded=model.decoder.encoded_keys_values(model.encode(encoder_input_tokens)),
            encoder_bias=padding_bias(encoder_input_tokens),
            past=model.decoder.empty_past(batch, max_beams, max_length),
        )

    def step(
        self, cache: DecodingCache, tokens: jax.Array, position: jax.Array
    ) -> tuple[jax.Array, DecodingCache]:
        """Feeds the tokens at `position` and after.

        Args:
          cache: what `prefill`, `reorder` or the step before returned.
          tokens: int32 [batch, beam, num], 0 at position 0.
          position: int32 [], of the first of them; all must be less than `max_length`.

        Returns:
          float32 [batch, beam, num, vocab_size] logits of the tokens that follow, the new cache.
        """
        model = bind(self.config, self.params)
        hidden, past = model.decoder.step(
            model.token_embedder(tokens),
            cache.past,
            cache.encoded,
            cache.encoder_bias,
            jnp.asarray(position, jnp.int32),
        )
        return model.logits(hidden), dataclasses.replace(cache, past=past)

    def reorder(self, cache: DecodingCache, parents: jax.Array) -> DecodingCache:
        """The cache whose beam j continues beam `parents[:, j]`; int32 [batch, new_beam]."""
        return dataclasses.replace(cache, past=kv_cache.reorder(cache.past, parents))

    def select(self, cache: DecodingCache, rows: jax.Array, beams: jax.Array, *,
               max_length: int) -> DecodingCache:
        """The cache in which beam `beams[i]` of row `rows[i]` (int32 [n] each) is row i, alone."""
        encoded, bias = jax.tree.map(lambda array: array[rows],
                                     (cache.encoded, cache.encoder_bias))
        return DecodingCache(encoded, bias,
                             kv_cache.select(cache.past, rows, beams, max_length))
