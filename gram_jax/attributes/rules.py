"""What becomes of a value in normal form: its brand's spelling, its representative, its families.

Which rules there are is learned or given elsewhere; this only applies them, in one order, and
keeps the trail.
"""

import dataclasses
import functools
from collections.abc import Iterator
from typing import NamedTuple

from gram_jax.attributes.brands import BRAND, BrandSpellings
from gram_jax.attributes.families import Families
from gram_jax.attributes.gazetteer import Gazetteer
from gram_jax.attributes.synonyms import Synonyms


class Change(NamedTuple):
    """A rule that applied: 'spelling', 'brand', 'synonym', 'part' or 'family'."""

    rule: str
    before: str
    after: str


class Result(NamedTuple):
    """A value, and the rules that led from what was found to it, in order."""

    attribute: str
    value: str
    changes: tuple[Change, ...] = ()


@dataclasses.dataclass(frozen=True)
class Rules:
    """The rules of one catalogue.

    Args:
      gazetteer: the catalogue's values and everything that a rule replaces.
      brands: spellings of brands.
      synonyms: representatives.
      families: families of values.
    """

    gazetteer: Gazetteer
    brands: BrandSpellings
    synonyms: Synonyms
    families: Families

    @classmethod
    def build(cls, gazetteer: Gazetteer, brands: BrandSpellings, synonyms: Synonyms,
              families: Families) -> "Rules":
        """Rules whose gazetteer finds what they replace, each under the type of what comes of it.

        A brand's other spelling is looked for only where the brand is, and a word that is a value
        of a type of its own stays one.
        """
        known = dict(gazetteer.attribute_of)
        replaced = {variant: BRAND for variant, brand in brands.looked_for().items()
                    if known.get(brand) == BRAND and known.get(variant) in (None, "modifier")}
        for source, (attribute, target) in synonyms.representatives.items():
            replaced[source] = known.setdefault(target, attribute)
        return cls(Gazetteer(known | replaced), brands, synonyms, families)

    def results(self, attribute: str, value: str) -> tuple[Result, ...]:
        """The value that stands for this one, first, and those held beside it."""
        known = self._known.get((attribute, value))
        if known is None:
            unique: dict[str, Result] = {}
            for result in self._apply(attribute, value, (), frozenset()):
                unique.setdefault(result.value, result)
            known = tuple(unique.values())
            if value in self.gazetteer.attribute_of:  # the others are many and seldom come twice
                self._known[attribute, value] = known
        return known

    @functools.cached_property
    def _known(self) -> dict[tuple[str, str], tuple[Result, ...]]:
        """What `results` has found so far."""
        return {}

    def _apply(self, attribute: str, value: str, trail: tuple[Change, ...],
               seen: frozenset[str]) -> Iterator[Result]:
        if attribute == BRAND and (spelling := self.brands.spelling(value)) != value:
            trail = (*trail, Change("brand", value, spelling))
            value = spelling
        target = self.synonyms.representatives.get(value)
        if target is not None:
            trail = (*trail, Change("synonym", value, target[1]))
            attribute = self.gazetteer.attribute_of.get(target[1], target[0])
            value = target[1]
        if value in seen:
            return
        yield Result(attribute, value, trail)
        seen |= {value}
        if target is not None:  # the parts that a text with the target itself would mention
            for span in self.gazetteer.match(value):
                if span.value != value:
                    yield from self._apply(span.attribute, span.value,
                                           (*trail, Change("part", value, span.value)), seen)
        family = self.families.family(attribute, value)
        if family is not None:
            yield from self._apply(self.gazetteer.attribute_of.get(family, attribute), family,
                                   (*trail, Change("family", value, family)), seen)
