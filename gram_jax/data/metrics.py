"""SeqIO metrics of generated codes."""

from collections.abc import Sequence


def gold_code_share(
    targets: Sequence[str], predictions: Sequence[Sequence[str]]
) -> dict[str, float]:
    """The share of gold codes that are among the beams.

    Args:
      targets: the gold code of each example; a text with several codes is several examples.
      predictions: the codes generated for each example's text, in any order.

    Returns:
      {'gold_code_share': between 0 and 1}.

    Raises:
      ValueError: there is no example, or the two differ in number.
    """
    if not targets or len(targets) != len(predictions):
        raise ValueError(f"{len(targets)} gold codes and beams for {len(predictions)} examples")
    found = sum(target in beams for target, beams in zip(targets, predictions))
    return {"gold_code_share": found / len(targets)}
