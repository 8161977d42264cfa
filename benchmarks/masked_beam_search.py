"""Constrained beam search the textbook way: every step masks the whole vocabulary.

A peer of the engine, written as one writes it in JAX without it, and with care: one jitted
`while_loop`; the codes as a CSR trie; for every beam a dense mask of what its node allows; the
best 2 * beam of all beam * vocabulary sums by one `top_k`; keys and values of the past gathered by
parents, those of the encoded query held once for all beams. Endings count as in transformers: where
they rank among the step's best `beam_size`. Uses the encoder of the model and shares nothing else
with the search of `gram_jax.decoding`.
"""

import dataclasses
import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gram_jax.models.config import ModelConfig
from gram_jax.models.params import bind

EOS_ID = 1
_HIDDEN = -1e10
_MAX_WIDE_NODES = 2048


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=["row_starts", "edge_tokens", "wide_index", "wide_rows"],
    meta_fields=["narrow_width"],
)
@dataclasses.dataclass(frozen=True)
class MaskTrie:
    """A CSR trie, breadth first, tokens rising in a row: edge e leads to node e + 1.

    Nodes of at most `narrow_width` edges have their mask scattered from their row, the few wider
    ones have it ready.
    """

    row_starts: jax.Array  # int32 [nodes + 1]
    edge_tokens: jax.Array  # int32 [edges]
    wide_index: jax.Array  # int32 [nodes], -1 for a narrow node
    wide_rows: jax.Array  # bool [wide nodes, vocab]
    narrow_width: int


class Found(NamedTuple):
    """Codes, best first; scores are -inf where there is none."""

    tokens: jax.Array  # int32 [batch, beam, length], EOS included, 0 after it
    scores: jax.Array  # float32 [batch, beam]


def build_mask_trie(rows: np.ndarray, vocab_size: int) -> MaskTrie:
    """From int32 [codes, length], EOS included, 0 after it."""
    rows = rows[np.lexsort(rows.T[::-1])]
    differs = np.ones(len(rows), bool)
    differs[1:] = False
    nodes, num_nodes = np.zeros(len(rows), np.int64), 1
    parents, tokens = [], []
    for column in rows.T:
        differs[1:] |= column[1:] != column[:-1]
        is_edge = differs & (column != 0)
        parents.append(nodes[is_edge])
        tokens.append(column[is_edge])
        nodes = num_nodes + np.cumsum(is_edge) - 1
        num_nodes += int(is_edge.sum())
    widths = np.bincount(np.concatenate(parents), minlength=num_nodes)
    row_starts = np.concatenate([[0], np.cumsum(widths)])
    edge_tokens = np.concatenate(tokens)
    narrow = 32
    while (widths > narrow).sum() > _MAX_WIDE_NODES:
        narrow *= 2
    wide = np.flatnonzero(widths > narrow)
    wide_index = np.full(num_nodes, -1, np.int32)
    wide_index[wide] = np.arange(len(wide))
    wide_rows = np.zeros((max(len(wide), 1), vocab_size), bool)
    for index, node in enumerate(wide):
        wide_rows[index, edge_tokens[row_starts[node]:row_starts[node + 1]]] = True
    return MaskTrie(row_starts.astype(np.int32), edge_tokens.astype(np.int32), wide_index,
                    wide_rows, narrow)


def _masks(trie: MaskTrie, nodes: jax.Array) -> jax.Array:
    """What each node (int32 [n]) allows: bool [n, vocab]."""
    start, vocab_size = trie.row_starts[nodes], trie.wide_rows.shape[1]
    places = jnp.arange(trie.narrow_width)
    in_row = places < (trie.row_starts[nodes + 1] - start)[:, None]
    tokens = jnp.take(trie.edge_tokens, start[:, None] + places, mode="clip")
    scattered = jnp.zeros((len(nodes), vocab_size), bool).at[
        jnp.arange(len(nodes))[:, None], jnp.where(in_row, tokens, vocab_size)
    ].set(True, mode="drop")
    wide = trie.wide_index[nodes]
    return jnp.where((wide >= 0)[:, None], trie.wide_rows[jnp.maximum(wide, 0)], scattered)


def _children(trie: MaskTrie, nodes: jax.Array, tokens: jax.Array) -> jax.Array:
    """Where each token leads from its node, by halving the row; any node where it leads nowhere."""
    low, high = trie.row_starts[nodes], trie.row_starts[nodes + 1]
    for _ in range(trie.wide_rows.shape[1].bit_length()):
        middle = (low + high) // 2
        is_below = jnp.take(trie.edge_tokens, middle, mode="clip") < tokens
        low = jnp.where((low < high) & is_below, middle + 1, low)
        high = jnp.where((low < high) & ~is_below, middle, high)
    return jnp.minimum(low + 1, len(trie.row_starts) - 2)


def _norm(inputs: jax.Array, scale: jax.Array) -> jax.Array:
    return inputs * jax.lax.rsqrt(jnp.square(inputs).mean(-1, keepdims=True) + 1e-6) * scale


def _heads(inputs: jax.Array, module: dict, config: ModelConfig) -> jax.Array:
    """[..., d_model] -> [..., heads, head_dim]."""
    projected = inputs @ module["kernel"]
    return projected.reshape(*inputs.shape[:-1], config.num_heads, config.head_dim)


def _prefill(params, config: ModelConfig, queries: jax.Array, max_length: int):
    """What stays the same at every step: encoded keys and values, and both biases."""
    model = bind(config, params)
    encoded, layers = model.encode(queries), []
    for i in range(config.num_decoder_layers):
        attention = params["decoder"][f"layers_{i}"]["encoder_decoder_attention"]
        layers.append((_heads(encoded, attention["key"], config),
                       _heads(encoded, attention["value"], config)))
    positions = jnp.arange(max_length)
    bias = model.decoder.relpos_bias(positions, positions)[0]  # [heads, queries, keys]
    bias = jnp.where(positions[:, None] >= positions, bias, _HIDDEN)
    return layers, jnp.where(queries != 0, 0.0, _HIDDEN)[:, None, None, :], bias


def _decode(params, config: ModelConfig, encoded, past, tokens, position):
    """One position of all beams: float32 [batch, beam, vocab] logits, the longer past."""
    cross, cross_bias, self_bias = encoded
    table, decoder, longer = params["token_embedder"]["embedding"], params["decoder"], []
    hidden = table[tokens]
    bias = jax.lax.dynamic_index_in_dim(self_bias, position, axis=1, keepdims=False)
    for i in range(config.num_decoder_layers):
        layer, (keys, values) = decoder[f"layers_{i}"], past[i]
        normal = _norm(hidden, layer["pre_self_attention_layer_norm"]["scale"])
        attention = layer["self_attention"]
        keys, values = (
            jax.lax.dynamic_update_index_in_dim(
                old, _heads(normal, attention[name], config), position, axis=3)
            for old, name in ((keys, "key"), (values, "value")))
        longer.append((keys, values))
        query = _heads(normal, attention["query"], config)
        weights = jax.nn.softmax(jnp.einsum("bkhd,bkhld->bkhl", query, keys) + bias)
        mixed = jnp.einsum("bkhl,bkhld->bkhd", weights, values)
        hidden += mixed.reshape(*hidden.shape[:-1], -1) @ attention["out"]["kernel"]

        normal = _norm(hidden, layer["pre_cross_attention_layer_norm"]["scale"])
        attention = layer["encoder_decoder_attention"]
        query = _heads(normal, attention["query"], config)
        weights = jax.nn.softmax(jnp.einsum("bkhd,bshd->bkhs", query, cross[i][0]) + cross_bias)
        mixed = jnp.einsum("bkhs,bshd->bkhd", weights, cross[i][1])
        hidden += mixed.reshape(*hidden.shape[:-1], -1) @ attention["out"]["kernel"]

        normal, mlp = _norm(hidden, layer["pre_mlp_layer_norm"]["scale"]), layer["mlp"]
        gate = jax.nn.gelu(normal @ mlp["wi_0"]["kernel"], approximate=True)
        hidden += (gate * (normal @ mlp["wi_1"]["kernel"])) @ mlp["wo"]["kernel"]
    hidden = _norm(hidden, decoder["decoder_norm"]["scale"])
    if config.tie_embeddings:
        return hidden * config.d_model**-0.5 @ table.T, longer
    return hidden @ decoder["logits_dense"]["kernel"], longer


def _gather(tree, beams: jax.Array):
    """Beam j of each row replaced by its beam `beams[:, j]`."""
    return jax.tree.map(
        lambda leaf: jnp.take_along_axis(
            leaf, beams.reshape(*beams.shape, *(1,) * (leaf.ndim - 2)), axis=1), tree)


@functools.partial(jax.jit, static_argnames=("config", "beam_size", "max_length"))
def masked_beam_search(params, trie: MaskTrie, queries: jax.Array, *, config: ModelConfig,
                       beam_size: int, max_length: int) -> Found:
    """The codes found for int32 [batch, encoder_length]; a code has at most `max_length` tokens."""
    batch = queries.shape[0]
    encoded = _prefill(params, config, queries, max_length)

    def is_unfinished(state):
        position, _, live_scores, _, found, _ = state
        return (position < max_length) & (live_scores[:, 0] > found.scores[:, -1]).any()

    def step(state):
        position, live, live_scores, nodes, found, past = state
        last = jax.lax.dynamic_index_in_dim(live, position - 1, axis=2, keepdims=False)
        last = jnp.where(position == 0, 0, last)
        logits, past = _decode(params, config, encoded, past, last, position)
        allowed = _masks(trie, nodes.reshape(-1)).reshape(logits.shape)
        scores = jnp.where(allowed, jax.nn.log_softmax(logits), -jnp.inf) + live_scores[..., None]
        best, places = jax.lax.top_k(scores.reshape(batch, -1), 2 * beam_size)
        parents, tokens = places // logits.shape[-1], places % logits.shape[-1]
        longer = jax.lax.dynamic_update_index_in_dim(
            _gather(live, parents), tokens, position, axis=2)

        is_end = tokens == EOS_ID
        ended = jnp.where(is_end & (jnp.arange(2 * beam_size) < beam_size), best, -jnp.inf)
        pool = Found(jnp.concatenate([found.tokens, longer], axis=1),
                     jnp.concatenate([found.scores, ended], axis=1))
        found = _gather(pool, jax.lax.top_k(pool.scores, beam_size)[1])

        live_scores, kept = jax.lax.top_k(jnp.where(is_end, -jnp.inf, best), beam_size)
        parents, tokens = _gather(parents, kept), _gather(tokens, kept)
        nodes = _children(trie, _gather(nodes, parents), tokens)
        return (position + 1, _gather(longer, kept), live_scores, nodes, found,
                _gather(past, parents))

    empty = jnp.zeros((batch, beam_size, config.num_heads, max_length, config.head_dim))
    nothing = jnp.full((batch, beam_size), -jnp.inf)
    tokens = jnp.zeros((batch, beam_size, max_length), jnp.int32)
    state = (jnp.int32(0), tokens, nothing.at[:, 0].set(0.0),
             jnp.zeros((batch, beam_size), jnp.int32), Found(tokens, nothing),
             [(empty, empty)] * config.num_decoder_layers)
    return jax.lax.while_loop(is_unfinished, step, state)[4]
