"""What beam search carries from step to step, and what it hands back.

Knows shapes and order; nothing of tries, models or how beams are chosen.
"""

import dataclasses
import functools
from typing import TypeVar

import jax
import jax.numpy as jnp

from gram_jax.trie.code_trie import NO_CODE, ROOT

Tree = TypeVar("Tree")


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=["tokens", "token_log_probs", "log_probs", "code_ids", "alive"],
    meta_fields=[],
)
@dataclasses.dataclass(frozen=True)
class Beams:
    """Whole codes, best first.

    A beam that is not alive holds no code (there were fewer codes than beams): its `code_ids` are
    -1, its `log_probs` -inf, the rest zeros, and it comes after all that are alive.
    """

    tokens: jax.Array  # int32 [batch, beam, length], EOS included, 0 after it
    token_log_probs: jax.Array  # float32 [batch, beam, length], EOS's included, 0 after it
    log_probs: jax.Array  # float32 [batch, beam], the sum of token_log_probs
    code_ids: jax.Array  # int32 [batch, beam]
    alive: jax.Array  # bool [batch, beam]


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=["tokens", "token_log_probs", "log_probs", "nodes"],
    meta_fields=[],
)
@dataclasses.dataclass(frozen=True)
class LiveBeams:
    """Prefixes that may still become codes, best first. One at -inf is dead: it has no prefix."""

    tokens: jax.Array  # int32 [batch, beam, length], 0 from the position on
    token_log_probs: jax.Array  # float32 [batch, beam, length], 0 from the position on
    log_probs: jax.Array  # float32 [batch, beam]
    nodes: jax.Array  # int32 [batch, beam], the prefixes' nodes in the trie


def no_beams(batch_size: int, beam_size: int, length: int) -> Beams:
    """Beams of which none is alive."""
    return Beams(
        tokens=jnp.zeros((batch_size, beam_size, length), jnp.int32),
        token_log_probs=jnp.zeros((batch_size, beam_size, length), jnp.float32),
        log_probs=jnp.full((batch_size, beam_size), -jnp.inf, jnp.float32),
        code_ids=jnp.full((batch_size, beam_size), NO_CODE, jnp.int32),
        alive=jnp.zeros((batch_size, beam_size), bool),
    )


def root_beams(has_query: jax.Array, length: int) -> LiveBeams:
    """One beam, the empty prefix, alive in each row that has a query (bool [batch])."""
    shape = (has_query.shape[0], 1)
    return LiveBeams(
        tokens=jnp.zeros((*shape, length), jnp.int32),
        token_log_probs=jnp.zeros((*shape, length), jnp.float32),
        log_probs=jnp.where(has_query[:, None], 0.0, -jnp.inf).astype(jnp.float32),
        nodes=jnp.full(shape, ROOT, jnp.int32),
    )


def keep_best(finished: Beams, fresh: Beams) -> Beams:
    """The best of both, as many as `finished` holds; those that came first win a tie."""
    pool = jax.tree.map(lambda a, b: jnp.concatenate([a, b], axis=1), finished, fresh)
    _, best = jax.lax.top_k(pool.log_probs, finished.log_probs.shape[1])
    return take_beams(pool, best)


def take_beams(tree: Tree, beams: jax.Array) -> Tree:
    """The same tree with beam j of each row replaced by its beam `beams[:, j]`.

    Args:
      tree: any pytree whose leaves lead with [batch, beam].
      beams: int32 [batch, new_beam], in range.
    """
    return jax.tree.map(
        lambda leaf: jnp.take_along_axis(
            leaf, beams.reshape(*beams.shape, *(1,) * (leaf.ndim - 2)), axis=1,
            mode="promise_in_bounds",
        ),
        tree,
    )
