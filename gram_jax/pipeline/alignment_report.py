"""What co-alignment did, in figures, and what is wrong with it in words.

Knows the metrics of `models.alignment` and the counts of `codes.preferences`; nothing of models.
"""

from collections.abc import Mapping

_FEWEST_WITH_A_WINNER = 0.5
_LEAST_SHARE_OF_MOVE = 0.1
"""A side that moved by less than this share of the other's move has not moved."""

_SIDES = ("query", "product")

Figures = Mapping[str, float]


def alignment_report(pairs: Mapping[str, int | float], before: Figures,
                     after: Figures) -> dict[str, object]:
    """Counts of pairs, the metrics before and after with what they gained, and complaints.

    Args:
      pairs: `Preferences.report`.
      before: means of the objective's metrics over winners, by the model before alignment.
      after: the same over the same winners, by the model after it.
    """
    gained = {name: after[name] - before[name] for name in before}
    return {"pairs": dict(pairs), "before": _rounded(before), "after": _rounded(after),
            "gained": _rounded(gained), "complaints": complaints(pairs, before, after)}


def complaints(pairs: Mapping[str, int | float], before: Figures, after: Figures) -> list[str]:
    """What makes an alignment one in name only, a sentence each with its remedy.

    The arguments are those of `alignment_report`.
    """
    found = []
    if pairs["share_with_a_winner"] < _FEWEST_WITH_A_WINNER:
        found.append(
            f"only {pairs['pairs_with_a_winner']} of {pairs['clicked_pairs']} clicked pairs give "
            "a winner. Train longer before, generate more codes a side (align.generation), or "
            "bind PreferenceSettings.mined_winners or .postings_count")
    found += _of_moves({side: after[f"{side}_lead"] - before[f"{side}_lead"] for side in _SIDES})
    for side in _SIDES:
        then, now = before[f"{side}_log_prob"], after[f"{side}_log_prob"]
        if now < then:
            found.append(
                f"winners have become less probable on the {side} side: mean ln p from {then:.2f} "
                f"to {now:.2f}. Raise AlignmentSettings.sft_weight, or lower the learning rate")
    return found


def _of_moves(moves: Mapping[str, float]) -> list[str]:
    """Complains where winners did not gain on losers on both sides."""
    shown = " and ".join(f"{moves[side]:+.3f} on the {side} side" for side in _SIDES)
    most = max(moves.values())
    if most <= 0:
        return [f"winners gained nothing on losers ({shown}). Train for longer, or with a higher "
                "learning rate"]
    still = [side for side in _SIDES if moves[side] < _LEAST_SHARE_OF_MOVE * most]
    return [f"the {side} side has not moved: winners gained on losers by {shown} (mean ln p). "
            "Bind AlignmentSettings.average = 'log_ratios', which gives both sides half of the "
            "gradient" for side in still]


def _rounded(figures: Figures) -> dict[str, float]:
    return {name: round(value, 5) for name, value in figures.items()}
