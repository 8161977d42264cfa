"""A decoder without a model: its logits are a fixed function of the query and the prefix.

Knows the `Decoder` protocol. Every logit is a hash, computed alike on the device and in NumPy, so
that a test can ask what the decoder must have said after any prefix. A search that mixes up beams
or rows, or forgets to reorder the cache, asks for other logits and is found out.
"""

import dataclasses
import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=["seed", "scale"],
    meta_fields=["vocab_size"],
)
@dataclasses.dataclass(frozen=True)
class ScriptedLogits:
    """Implements `core.protocols.Decoder` by hashing; a cache is one number a beam.

    Attributes:
      vocab_size: logits of a step.
      seed: another seed, other logits, and no new compilation.
      scale: logits lie in [0, scale); 0 makes all tokens equally probable.
    """

    vocab_size: int
    seed: int = 0
    scale: float = 8.0

    def prefill(self, encoder_input_tokens, *, max_length, max_beams):
        """uint32 [batch, 1], a hash of the seed and the query without its padding."""
        del max_length, max_beams
        return _query_states(encoder_input_tokens, self.seed, jnp)[:, None]

    def step(self, cache, tokens, position):
        """Hashes the tokens in, and after each the vocabulary out."""
        del position  # the prefix says it
        vocabulary = jnp.arange(self.vocab_size, dtype=jnp.uint32)
        logits = []
        for place in range(tokens.shape[2]):
            cache = _mix(cache, tokens[:, :, place].astype(jnp.uint32))
            logits.append(_logits(_mix(cache[..., None], vocabulary), self.scale, jnp))
        return jnp.stack(logits, axis=2), cache

    def reorder(self, cache, parents):
        """Moves the hashes with their beams."""
        return jnp.take_along_axis(cache, parents, axis=1)

    def select(self, cache, rows, beams, *, max_length):
        """Each chosen beam as a row of its own."""
        del max_length
        return cache[rows, beams][:, None]

    def logits_after(self, query: Sequence[int], prefix: Sequence[int]) -> np.ndarray:
        """float32 [vocab], what `step` says after `prefix`, computed in NumPy."""
        state = _query_states(np.asarray([query], np.int32), self.seed, np)
        for token in (0, *prefix):
            state = _mix(state, np.asarray([token], np.uint32))
        vocabulary = np.arange(self.vocab_size, dtype=np.uint32)
        return _logits(_mix(state[..., None], vocabulary), self.scale, np)[0]

    def log_probs_after(self, query: Sequence[int], prefix: Sequence[int]) -> np.ndarray:
        """float64 [vocab], the log-softmax of `logits_after`."""
        logits = self.logits_after(query, prefix).astype(np.float64)
        return logits - np.logaddexp.reduce(logits)


def _query_states(tokens, seed, numpy):
    """uint32 [batch]; padding (0) leaves a state as it is, so any padded length gives the same."""
    state = numpy.broadcast_to(numpy.uint32(seed), tokens.shape[:1])
    for column in tokens.T:
        state = numpy.where(column == 0, state, _mix(state, column.astype(numpy.uint32)))
    return state


def _mix(state, value):
    """A 32-bit hash (murmur3's finalizer over a combination); arrays in, arrays out."""
    x = state * np.uint32(0x9E3779B1) + value * np.uint32(0x85EBCA77) + np.uint32(0x165667B1)
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    x = (x ^ (x >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return x ^ (x >> np.uint32(16))


def _logits(hashes, scale, numpy):
    """The upper 24 bits as a float32 in [0, scale): exact on every machine."""
    return (hashes >> np.uint32(8)).astype(numpy.float32) * numpy.float32(scale / 2**24)
