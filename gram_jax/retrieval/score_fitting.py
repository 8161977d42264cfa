"""Learns the weights and biases of the granularities from what shoppers clicked.

Method section 4: a clicked product should score above others that were retrieved for the query, by
a margin. Pairs within one code teach the weights as the paper has it; pairs across codes teach how
codes compare, which no pair within a code can. The model's probabilities are held fixed.
"""

import dataclasses
import functools
from collections.abc import Collection, Iterable, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gram_jax.models.code_score import CodeEvidence, CodeScoreParams, margin_loss
from gram_jax.retrieval.candidates import Candidates
from gram_jax.retrieval.scoring import best_candidates, candidate_scores

_PAIRS_A_STEP = 2048


@dataclasses.dataclass(frozen=True, eq=False)
class ScorePairs:
    """Candidates of clicked products, each beside candidates of others for the same query.

    Args:
      candidates: only the groups that some pair names.
      across: int64 [pairs, 2], groups: a clicked product and another.
      within: int64 [pairs, 2], candidates: the same two where one code found both.
    """

    candidates: Candidates
    across: np.ndarray
    within: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class ScoreFit:
    """Fitted parameters, and the loss of every step (float32 [steps])."""

    params: CodeScoreParams
    losses: np.ndarray


def collect_pairs(batches: Iterable[tuple[Sequence[str], Candidates]],
                  clicked: Mapping[str, Collection[int]], *, max_positives: int = 4,
                  max_negatives: int = 8, seed: int = 0) -> ScorePairs:
    """Draws pairs from retrieved candidates.

    Args:
      batches: query ids of the rows, and the candidates of these rows.
      clicked: query_id -> product indices that were clicked.
      max_positives: clicked products drawn a query.
      max_negatives: others drawn for each of them.
      seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    parts, across, num_groups = [], [], 0
    for query_ids, candidates in batches:
        pairs = []
        for row, query_id in enumerate(query_ids):
            groups = np.arange(len(candidates.group_rows))[candidates.groups_of(row)]
            is_clicked = np.isin(candidates.group_products[groups],
                                 list(clicked.get(query_id, ())))
            positives, negatives = groups[is_clicked], groups[~is_clicked]
            if len(positives) and len(negatives):
                for positive in _draw(rng, positives, max_positives):
                    others = _draw(rng, negatives, max_negatives)
                    pairs.append(np.stack([np.full_like(others, positive), others], axis=1))
        if pairs:
            kept, places = np.unique(np.concatenate(pairs), return_inverse=True)
            parts.append(_take_groups(candidates, kept))
            across.append(places.reshape(-1, 2) + num_groups)
            num_groups += len(kept)
    if not parts:
        nothing = np.zeros((0, 2), np.int64)
        return ScorePairs(_join([]), nothing, nothing)
    joined, pairs = _join(parts), np.concatenate(across)
    return ScorePairs(joined, pairs, _within(joined, pairs))


def fit_code_score(head: str, pairs: ScorePairs, *, margin: float = 0.5, num_rounds: int = 3,
                   steps_a_round: int = 200, learning_rate: float = 0.02,
                   seed: int = 0) -> ScoreFit:
    """Minimises the margin loss by Adam.

    A product found by several codes is represented by the best of them under the parameters at the
    start of each round.

    Args:
      head: a name in `models.code_score.HEADS`.
      pairs: what to learn from; none at all leave the initial parameters.
      margin: in standard deviations of the initial scores, so that one value fits every head.
      num_rounds: how often the best codes are chosen anew.
      steps_a_round: Adam steps between.
      learning_rate: of Adam.
      seed: of the order of pairs.
    """
    params = CodeScoreParams.initial()
    if not len(pairs.across):
        return ScoreFit(params, np.zeros(0, np.float32))
    evidence = pairs.candidates.evidence
    state, losses = optax.adam(learning_rate).init(params), []
    mu = margin * float(candidate_scores(head, params, evidence).std())
    for round_key in jax.random.split(jax.random.key(seed), num_rounds):
        scores = candidate_scores(head, params, evidence)
        best = best_candidates(pairs.candidates, scores)
        chosen = np.concatenate([best[pairs.across], pairs.within])
        params, state, found = _adam(head, params, state, evidence, chosen, mu, round_key,
                                     learning_rate=learning_rate, num_steps=steps_a_round)
        losses.append(np.asarray(found))
    return ScoreFit(jax.device_get(params), np.concatenate(losses))


@functools.partial(jax.jit, static_argnames=("head", "learning_rate", "num_steps"))
def _adam(head: str, params: CodeScoreParams, state, evidence: CodeEvidence, pairs, mu, key, *,
          learning_rate: float, num_steps: int):
    """Steps on pairs (int [pairs, 2] candidates) drawn anew for each step."""
    optimizer = optax.adam(learning_rate)

    def step(carry, step_key):
        params, state = carry
        drawn = jax.random.randint(step_key, (_PAIRS_A_STEP,), 0, len(pairs))
        sides = [jax.tree.map(lambda array, side=side: array[pairs[drawn, side]], evidence)
                 for side in (0, 1)]
        loss, gradients = jax.value_and_grad(margin_loss)(params, head, *sides, mu)
        updates, state = optimizer.update(gradients, state)
        return (optax.apply_updates(params, updates), state), loss

    evidence = jax.tree.map(jnp.asarray, evidence)
    (params, state), losses = jax.lax.scan(step, (params, state),
                                           jax.random.split(key, num_steps))
    return params, state, losses


def _draw(rng: np.random.Generator, values: np.ndarray, count: int) -> np.ndarray:
    return values if len(values) <= count else rng.choice(values, count, replace=False)


def _take_groups(candidates: Candidates, groups: np.ndarray) -> Candidates:
    """Only these groups (rising), with their candidates."""
    sizes = candidates.group_sizes[groups]
    ends = np.cumsum(sizes)
    first = np.repeat(candidates.group_starts[groups] - (ends - sizes), sizes)
    chosen = np.arange(len(first)) + first
    return Candidates(jax.tree.map(lambda array: array[chosen], candidates.evidence),
                      candidates.code_ids[chosen], ends - sizes, candidates.group_rows[groups],
                      candidates.group_products[groups])


def _join(parts: Sequence[Candidates]) -> Candidates:
    """The groups of all parts, one after the other; rows keep the numbers of their own part."""
    if not parts:
        none, flat = np.zeros((0, 1), np.float32), np.zeros(0, np.int64)
        return Candidates(CodeEvidence(none, none, none > 0, flat), flat, flat, flat, flat)
    offsets = np.cumsum([0] + [part.num_candidates for part in parts])
    return Candidates(
        jax.tree.map(lambda *arrays: np.concatenate(arrays), *(part.evidence for part in parts)),
        np.concatenate([part.code_ids for part in parts]),
        np.concatenate([part.group_starts + offset for part, offset in zip(parts, offsets)]),
        np.concatenate([part.group_rows for part in parts]),
        np.concatenate([part.group_products for part in parts]))


def _within(candidates: Candidates, across: np.ndarray) -> np.ndarray:
    """The pairs of candidates that share a code, int64 [pairs, 2]."""
    starts, sizes = candidates.group_starts, candidates.group_sizes
    found = []
    for positive, negative in across.tolist():
        ours = range(starts[positive], starts[positive] + sizes[positive])
        place_of_code = {int(candidates.code_ids[place]): place for place in ours}
        for place in range(starts[negative], starts[negative] + sizes[negative]):
            if (match := place_of_code.get(int(candidates.code_ids[place]))) is not None:
                found.append((match, place))
    return np.array(found, np.int64).reshape(-1, 2)
