import types

import jax
import numpy as np
import pytest

from gram_jax.testing.seekable_batches import SeekableBatches
from gram_jax.training.hooks import EvaluationHook, ProgressHook, objective_evaluation


def test_progress_is_shown_with_the_latest_metrics():
    shown = []
    hook = ProgressHook(lambda step, metrics: shown.append((step, metrics)))
    assert hook(4, None, {"loss": 1.0}) is None
    assert shown == [(4, {"loss": 1.0})]
    assert hook.every_steps == 1


def test_measures_are_named_by_their_prefix():
    hook = EvaluationHook(lambda params: {"loss": params + 1}, every_steps=5, prefix="test")
    assert hook(5, types.SimpleNamespace(params=np.float32(1)), {}) == {"test/loss": 2.0}


def test_an_evaluation_weighs_batches_by_their_weight_and_drops_nothing_out(toy):
    """Two batches measure as one that holds the rows of both."""
    source = SeekableBatches()
    pair = [next(source), next(source)]
    joined = jax.tree.map(lambda *parts: np.concatenate(parts), *pair)
    evaluate = objective_evaluation(toy.objective, lambda: pair)
    measured = evaluate(toy.params)
    whole = objective_evaluation(toy.objective, lambda: [joined])(toy.params)
    assert measured == evaluate(toy.params)
    assert measured == pytest.approx(whole, rel=1e-5)
    assert set(measured) == {"loss", "accuracy"}


def test_an_evaluation_on_nothing_is_refused(toy):
    with pytest.raises(ValueError, match="at least one batch"):
        objective_evaluation(toy.objective, lambda: [])(toy.params)
