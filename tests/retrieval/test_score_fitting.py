import numpy as np
import pytest

from gram_jax.models.code_score import CodeEvidence, CodeScoreParams
from gram_jax.retrieval.candidates import Candidates
from gram_jax.retrieval.score_fitting import collect_pairs, fit_code_score
from gram_jax.retrieval.scoring import candidate_scores

HEADS = ("jensen_shannon", "log_prob_sum")


def candidates_of(rows):
    """From rows of (row, product, code, granularity, query log-prob, product log-prob)."""
    rows = sorted(rows)
    keys = [row[:2] for row in rows]
    starts = np.array([i for i, key in enumerate(keys) if i == 0 or key != keys[i - 1]])
    column = [np.array(values) for values in zip(*rows)]
    return Candidates(
        CodeEvidence(column[4][:, None].astype(np.float32), column[5][:, None].astype(np.float32),
                     np.ones((len(rows), 1), bool), column[3].astype(np.int32)),
        column[2].astype(np.int32), starts, column[0][starts].astype(np.int32),
        column[1][starts].astype(np.int32))


def shop_where_fine_codes_are_right(num_queries=40, seed=0):
    """Fine codes, which find what is clicked, look worse to every head than coarse ones."""
    rng = np.random.default_rng(seed)
    rows, clicked = [], {}
    for row in range(num_queries):
        clicked[f"q{row}"] = {0}
        rows.append((row, 0, 100, 2, -0.3 - rng.uniform(0, 0.2), -5.0))
        rows += [(row, product, 7, 0, -1.5, -1.5 - rng.uniform(0, 0.2)) for product in range(1, 6)]
    return [([f"q{row}" for row in range(num_queries)], candidates_of(rows))], clicked


def test_pairs_are_clicked_products_beside_others_of_the_same_query():
    candidates = candidates_of([
        (0, 0, 5, 0, -1, -1), (0, 0, 6, 2, -1, -1), (0, 1, 5, 0, -2, -2), (0, 2, 6, 2, -2, -2),
        (0, 2, 5, 0, -3, -3), (1, 0, 5, 0, -1, -1), (1, 1, 5, 0, -1, -1), (2, 4, 5, 0, -1, -1)])
    pairs = collect_pairs([(["a", "b", "c"], candidates)], {"a": {0}, "c": {4}})
    found = {tuple((int(pairs.candidates.group_rows[g]), int(pairs.candidates.group_products[g]))
                   for g in pair) for pair in pairs.across}
    assert found == {((0, 0), (0, 1)), ((0, 0), (0, 2))}
    codes = pairs.candidates.code_ids[pairs.within]
    assert (codes[:, 0] == codes[:, 1]).all()
    assert sorted(codes[:, 0].tolist()) == [5, 5, 6]


def test_pairs_of_several_batches_keep_their_own_evidence():
    first = candidates_of([(0, 0, 5, 0, -1, -1), (0, 1, 5, 0, -2, -2)])
    second = candidates_of([(0, 7, 5, 0, -9, -9), (0, 8, 6, 1, -3, -3), (0, 8, 7, 1, -4, -4)])
    pairs = collect_pairs([(["a"], first), (["b"], second)], {"a": {1}, "b": {8}})
    products = pairs.candidates.group_products[pairs.across]
    assert products.tolist() == [[1, 0], [8, 7]]
    assert pairs.candidates.group_sizes.tolist() == [1, 1, 1, 2]
    assert pairs.candidates.evidence.query_token_log_probs.ravel().tolist() == [-1, -2, -9, -3, -4]


@pytest.mark.parametrize("head", HEADS)
def test_pairs_across_codes_teach_how_granularities_compare(head):
    batches, clicked = shop_where_fine_codes_are_right()
    pairs = collect_pairs(batches, clicked)
    fit = fit_code_score(head, pairs)
    assert fit.losses[-20:].mean() < 0.5 * fit.losses[:20].mean()
    evidence = pairs.candidates.evidence
    starts = pairs.candidates.group_starts[pairs.across]

    def wins(params):
        scores = candidate_scores(head, params, evidence)
        return (scores[starts[:, 0]] > scores[starts[:, 1]]).mean()

    assert wins(CodeScoreParams.initial()) == 0
    assert wins(fit.params) == 1


def test_a_fit_is_the_same_every_time():
    batches, clicked = shop_where_fine_codes_are_right()
    first, second = (fit_code_score("log_prob_sum", collect_pairs(batches, clicked, seed=3), seed=3)
                     for _ in range(2))
    np.testing.assert_array_equal(first.params.granularity_weights,
                                  second.params.granularity_weights)
    np.testing.assert_array_equal(first.losses, second.losses)


def test_without_clicks_on_what_was_found_the_initial_parameters_stay():
    batches, _ = shop_where_fine_codes_are_right()
    fit = fit_code_score("log_prob_sum", collect_pairs(batches, {"q1": {99}}))
    np.testing.assert_array_equal(fit.params.granularity_weights, -np.ones(3))
    assert len(fit.losses) == 0
