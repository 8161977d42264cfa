"""The attribute values of products and of texts, and how each came about.

One path for all: spans of a tagger and of the gazetteer, in normal form, go through the rules of
the catalogue (brand spellings, synonyms, families). Texts of queries are corrected before, and
differ in nothing else. What `explain_*` shows is what `of_*` takes its values from. Knows no
tagger: its spans come as arguments.
"""

import dataclasses
import functools
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from gram_jax.attributes.brands import BrandSpellings
from gram_jax.attributes.families import Families
from gram_jax.attributes.gazetteer import Gazetteer
from gram_jax.attributes.normalize import read_words, value_words
from gram_jax.attributes.rules import Change, Result, Rules
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.attributes.spelling import Correction, Spelling
from gram_jax.attributes.synonyms import Synonyms
from gram_jax.attributes.term_counts import is_name
from gram_jax.attributes.value_table import Values
from gram_jax.core.records import Product

Tagged = Iterable[tuple[str, str]]
"""(type, surface text) of the spans that a tagger found in a text."""

_NO_TYPE = "modifier"  # what the gazetteer calls a word of titles that no field knows
_SAID_BESIDE = frozenset(["brand", "series", "model", "color", "material"])
_FILES = {"gazetteer": "gazetteer.json", "brands": "brands.json", "spelling": "spelling.json",
          "synonyms": "synonyms.jsonl", "families": "families.json"}


class Finding(NamedTuple):
    """A value that something in a text stands for.

    Args:
      source: 'gazetteer', 'tagger' or 'field NAME'.
      text: where it was found; all of it stands for the value where there is no place.
      start: its first word, counted in the words of the text (for queries, after spelling); None
        where the source gives no place.
      end: the place after its last word.
      attribute: the type it was found as.
      normal: its normal form.
      results: the values it comes to, each with the rules that led there; the first stands for
        it, the others are held beside.
    """

    source: str
    text: str
    start: int | None
    end: int | None
    attribute: str
    normal: str
    results: tuple[Result, ...]

    @property
    def surface(self) -> str:
        """How the text has it; only for findings whose place counts the text's own words."""
        if self.start is None:
            return self.text
        return read_words(self.text).surface(self.start, self.end)


@dataclasses.dataclass(frozen=True)
class AttributeExtractor:
    """Reads values off structured fields and texts with what was learned of one catalogue."""

    schema: AttributeSchema
    gazetteer: Gazetteer
    brands: BrandSpellings = dataclasses.field(default_factory=BrandSpellings)
    spelling: Spelling = dataclasses.field(default_factory=Spelling)
    synonyms: Synonyms = dataclasses.field(default_factory=Synonyms)
    families: Families = dataclasses.field(default_factory=Families)

    def of_product(self, product: Product, tagged: Tagged = ()) -> Values:
        """What the product's fields say and its title mentions.

        A field's value takes the type that the gazetteer knows it by, so that 'chrome' in the
        field `material` and 'chrome' in a title are one value.

        Args:
          product: to read.
          tagged: spans of its title.
        """
        return self._ordered(self.explain_product(product, tagged))

    def of_text(self, text: str, tagged: Tagged = ()) -> Values:
        """What the text of a query mentions, its slips put right."""
        return self._ordered(self._in_query(text, tagged)[1])

    def explain_product(self, product: Product, tagged: Tagged = ()) -> Iterator[Finding]:
        """Everything that `of_product` takes its values from."""
        yield from map(self._tagged, tagged)
        yield from self._mentions(product.title, value_words(product.title), "gazetteer")
        for field, values in product.attributes.items():
            attribute = self.schema.type_of_field(field)
            for value in values if attribute is not None else ():
                words = value_words(value)
                if words:
                    source = f"field {field}"
                    known = self.rules.gazetteer.attribute_of.get(" ".join(words), attribute)
                    yield self._named(source, value, known, words)
                    yield from self._mentions(value, words, source)

    def explain_text(self, text: str, tagged: Tagged = ()) -> Iterator[Finding]:
        """Everything that `of_text` takes its values from, with places in the text as it stands."""
        pieces, findings = self._in_query(text, tagged)
        for finding in findings:
            yield finding if finding.start is None else _before_spelling(finding, pieces)

    def phrases(self, text: str) -> tuple[str, ...]:
        """Words and pairs of words of a query that are no values, but may mean one.

        Args:
          text: of a query; slips are put right first.

        Returns:
          In the order of the text and once each: words that no value covers, and neighbouring
          words, without stop words, numbers, units, and what is a name, a colour or a material
          by itself ('black' in 'black sofa').
        """
        pieces, findings = self._in_query(text, ())
        covered, alone = set(), set()
        for finding in findings:
            places = range(finding.start, finding.end)
            covered.update(places)
            if finding.attribute in _SAID_BESIDE:
                alone.update(places)
        words = [word for piece in pieces for word in piece.words]
        told = [is_name(word) and at not in alone for at, word in enumerate(words)]
        found = []
        for at, word in enumerate(words):
            if told[at] and at not in covered:
                found.append(word)
            if told[at] and at + 1 < len(words) and told[at + 1]:
                found.append(f"{word} {words[at + 1]}")
        return tuple(phrase for phrase in dict.fromkeys(found)
                     if phrase not in self.rules.gazetteer.attribute_of)

    def with_synonyms(self, synonyms: Synonyms) -> "AttributeExtractor":
        """This extractor with other synonyms."""
        return dataclasses.replace(self, synonyms=synonyms)

    def _in_query(self, text: str,
                  tagged: Tagged) -> tuple[list[Correction], Iterator[Finding]]:
        """The text's words as they should be, and findings placed among these."""
        pieces = self.spelling.correct(value_words(text))
        words = [word for piece in pieces for word in piece.words]
        return pieces, itertools.chain(
            (self._tagged(span, self.spelling) for span in tagged),
            self._mentions(text, words, "gazetteer"))

    def _tagged(self, span: tuple[str, str], spelling: Spelling | None = None) -> Finding:
        """A span of the tagger; it knows a type better than a gazetteer that knows none."""
        attribute, surface = span
        words = written = value_words(surface)
        if spelling is not None:
            words = [word for piece in spelling.correct(words) for word in piece.words]
        known = self.rules.gazetteer.attribute_of.get(" ".join(words), _NO_TYPE)
        found = self._named("tagger", surface, attribute if known == _NO_TYPE else known, words)
        return found._replace(results=_changed(found.results, _spelled(written, words)))

    def _named(self, source: str, text: str, attribute: str, words: Sequence[str]) -> Finding:
        """A value that is named as a whole."""
        normal = " ".join(words)
        results = self.rules.results(attribute, normal) if normal else ()
        return Finding(source, text, None, None, attribute, normal, results)

    def _mentions(self, text: str, words: Sequence[str], source: str) -> Iterator[Finding]:
        for span in self.rules.gazetteer.match_words(words):
            yield Finding(source, text, *span, self.rules.results(span.attribute, span.value))

    @functools.cached_property
    def rules(self) -> Rules:
        """What becomes of a value in normal form."""
        return Rules.build(self.gazetteer, self.brands, self.synonyms, self.families)

    def _ordered(self, findings: Iterable[Finding]) -> Values:
        rank = self.schema.rank
        found: dict[str, str] = {}
        for finding in findings:
            for attribute, value, _ in finding.results:
                if attribute in rank:
                    found.setdefault(value, attribute)
        return tuple(sorted(((attribute, value) for value, attribute in found.items()),
                            key=lambda pair: (rank[pair[0]], pair[1])))

    def save(self, folder: str | os.PathLike) -> None:
        """Writes everything that reading a text needs into `folder`."""
        self.schema.save(Path(folder) / "schema.json")
        for name, file in _FILES.items():
            getattr(self, name).save(Path(folder) / file)

    @classmethod
    def load(cls, folder: str | os.PathLike) -> "AttributeExtractor":
        """Reads what `save` wrote.

        Raises:
          ArtifactError: a file is missing or damaged.
          InputError: a file that people may edit (schema, synonyms, families) is missing or wrong.
        """
        folder = Path(folder)
        return cls(AttributeSchema.load(folder / "schema.json"), **{
            name: kind.load(folder / _FILES[name]) for name, kind in (
                ("gazetteer", Gazetteer), ("brands", BrandSpellings), ("spelling", Spelling),
                ("synonyms", Synonyms), ("families", Families))})


def _before_spelling(finding: Finding, pieces: Sequence[Correction]) -> Finding:
    """A finding among corrected words, with its place and corrections among the text's own."""
    at, touched = 0, []
    for piece in pieces:
        if at < finding.end and at + len(piece.words) > finding.start:
            touched.append(piece)
        at += len(piece.words)
    changes = tuple(change for piece in touched
                    for change in _spelled(piece.written, piece.words))
    return finding._replace(start=touched[0].start, end=touched[-1].end,
                            results=_changed(finding.results, changes))


def _spelled(written: Sequence[str], words: Sequence[str]) -> tuple[Change, ...]:
    before, after = " ".join(written), " ".join(words)
    return () if before == after else (Change("spelling", before, after),)


def _changed(results: tuple[Result, ...], before: tuple[Change, ...]) -> tuple[Result, ...]:
    """Results whose trails begin with further changes."""
    if not before:
        return results
    return tuple(result._replace(changes=before + result.changes) for result in results)
