"""One spelling for each brand of a catalogue: the commonest that its products have.

'De Walt', 'DEWALT Inc.' and 'dewalt' are one brand: what spaces, 'and' and legal forms tell apart
is not told apart. Nothing is said about brands that differ in a letter.
"""

import dataclasses
import functools
import json
import os
from collections.abc import Mapping

from gram_jax.attributes.normalize import normalize_value
from gram_jax.attributes.term_counts import TermCounts
from gram_jax.core.atomic import atomic_file
from gram_jax.core.errors import ArtifactError

BRAND = "brand"
_LEGAL_FORMS = frozenset([
    "ag", "bv", "co", "company", "corp", "corporation", "gmbh", "inc", "incorporated", "kk",
    "limited", "llc", "llp", "ltd", "nv", "oy", "plc", "pty", "sa", "sarl", "srl"])
_LINKS = frozenset(["and", "the"])
_MIN_KEY_LENGTH = 5  # 'on e' and 'one' may be two brands


@dataclasses.dataclass(frozen=True)
class BrandSpellings:
    """How each brand is spelled.

    Args:
      spellings: one of each brand, in normal form.
      variants: other spellings that the catalogue has -> the brand's.

    Raises:
      ValueError: two spellings of one brand, a spelling out of normal form, or a variant of an
        unknown brand.
    """

    spellings: frozenset[str] = frozenset()
    variants: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        if len(self._spelling_by_key) != len(self.spellings):
            raise ValueError("one brand has two spellings")
        for brand in (*self.spellings, *self.variants):
            if not brand or normalize_value(brand) != brand:
                raise ValueError(f"the brand {brand!r} is not in normal form")
        if not self.spellings.issuperset(self.variants.values()) \
                or self.spellings & self.variants.keys():
            raise ValueError("a variant is of no brand, or is a brand's own spelling")

    def spelling(self, brand: str) -> str:
        """The spelling of a brand in normal form; its own where it is not known."""
        known = self.variants.get(brand)
        return known or self._spelling_by_key.get(brand_key(brand), brand)

    def looked_for(self) -> Mapping[str, str]:
        """Every other way to write a brand that texts are searched for -> its spelling.

        Beside the catalogue's variants, two words run together or joined by 'and'.
        """
        guessed = {form: brand for brand in sorted(self.spellings) if brand.count(" ") == 1
                   for form in (brand.replace(" ", ""), brand.replace(" ", " and "))
                   if normalize_value(form) == form and form not in self.spellings
                   and brand_key(form) == brand_key(brand)}
        return guessed | dict(self.variants)

    @functools.cached_property
    def _spelling_by_key(self) -> Mapping[str, str]:
        return {brand_key(brand): brand for brand in self.spellings}

    def save(self, path: str | os.PathLike) -> None:
        """Writes a JSON file for people to read."""
        with atomic_file(path) as stream:
            json.dump({"spellings": sorted(self.spellings),
                       "variants": dict(sorted(self.variants.items()))}, stream,
                      ensure_ascii=False, indent=0)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "BrandSpellings":
        """Reads what `save` wrote.

        Raises:
          ArtifactError: the file is missing or damaged.
        """
        try:
            with open(path, encoding="utf-8") as stream:
                row = json.load(stream)
            return cls(frozenset(row["spellings"]), row["variants"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ArtifactError(f"{path} holds no brand spellings ({error}): run the attributes "
                                "stage again") from error


def brand_key(brand: str) -> str:
    """What the spellings of one brand share: its letters and digits without links, legal forms.

    Short brands keep their spaces.
    """
    words = [word for word in brand.split(" ") if word not in _LINKS] or brand.split(" ")
    while len(words) > 1 and words[-1] in _LEGAL_FORMS:
        words.pop()
    joined = "".join(words)
    return joined if len(joined) >= _MIN_KEY_LENGTH else " ".join(words)


def learn_brands(counts: TermCounts, *, min_products: int = 2) -> BrandSpellings:
    """The commonest spelling of every brand, and the other spellings in fields and titles.

    Args:
      counts: of the catalogue.
      min_products: that must have a brand; what fewer have is seldom a brand.
    """
    by_key: dict[str, dict[str, int]] = {}
    for (attribute, value), count in counts.values.items():
        if attribute == BRAND:
            by_key.setdefault(brand_key(value), {})[value] = count
    spellings, variants = set(), {}
    for key, forms in by_key.items():
        if sum(forms.values()) < min_products:
            continue
        best = min(forms, key=lambda form: (-forms[form], len(form), form))
        spellings.add(best)
        variants.update({form: best for form in forms if form != best})
        by_key[key] = {best: forms[best]}
    # Titles run a brand's words together, or apart, that fields do not; never the commoner form.
    for told in (counts.words, counts.pairs):
        for form, count in told.items():
            known = by_key.get(brand_key(form), {})
            best = next(iter(known), form)
            if best in spellings and form != best and form not in variants \
                    and min_products <= count <= known[best]:
                variants[form] = best
    return BrandSpellings(frozenset(spellings), variants)
