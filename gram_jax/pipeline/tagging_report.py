"""How well a tagger finds the values that people marked: overall, by type, by source."""

from collections.abc import Callable, Sequence

from gram_jax.attributes.annotations import AnnotatedText
from gram_jax.attributes.text_spans import span_values
from gram_jax.evaluation.spans import Pairs, match_by_type, match_values
from gram_jax.serving.text_tagger import TextTagger


def tagging_report(tagger: TextTagger, texts: Sequence[AnnotatedText]) -> dict[str, dict]:
    """The report of a tagger on annotated texts; empty without texts."""
    found = tagger.tag([text.text for text in texts])
    return values_report(texts, [span_values(text.text, spans)
                                 for text, spans in zip(texts, found)])


def values_report(texts: Sequence[AnnotatedText], found: Sequence[Pairs]) -> dict[str, dict]:
    """Exact match of (type, normal form) per text.

    Args:
      texts: with the values they are said to have; those that a text does not spell are wanted
        all the same.
      found: the values found in each.

    Returns:
      'all' and each source -> texts, unseen (wanted values that no span of words shows), micro
      figures, and figures by type.
    """
    groups: dict[str, Callable[[AnnotatedText], bool]] = {"all": lambda text: True}
    for source in sorted({text.source for text in texts}):
        groups[source] = lambda text, source=source: text.source == source
    report = {}
    for name, belongs in groups.items():
        chosen = [(text, values) for text, values in zip(texts, found) if belongs(text)]
        if chosen:
            report[name] = _figures(*zip(*chosen))
    return report


def _figures(texts: Sequence[AnnotatedText], found: Sequence[Pairs]) -> dict[str, object]:
    wanted = [text.values for text in texts]
    return {"texts": len(texts), "unseen": sum(len(text.unseen) for text in texts),
            "micro": match_values(wanted, found).figures(),
            "by_type": {attribute: counts.figures()
                        for attribute, counts in match_by_type(wanted, found).items()}}
