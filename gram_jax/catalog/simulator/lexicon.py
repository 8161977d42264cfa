"""The words of the simulated world: what can be sold, and what each side calls it.

A value has one common name, other forms that sellers use, and shoppers' own words. Sellers and
shoppers draw from these lists independently; neither ever reads the other's text. Knows nothing
of products or queries.
"""

import dataclasses
import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_SHIPPED = Path(__file__).parent / "lexicon.json"
_DEPARTMENT_TYPES = ("color", "sales_specification", "applicable_time", "target_audience",
                     "scenario", "modifier", "origin_theme")
_CATEGORY_TYPES = ("material", "function", "style")


@dataclasses.dataclass(frozen=True, slots=True)
class Value:
    """An attribute value and its names; the first of a list is the most used."""

    name: str
    sellers: tuple[str, ...] = ()
    shoppers: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Category:
    """A kind of product. `values`: type -> the values its products can have, commonest first."""

    value: Value
    department: str
    values: Mapping[str, tuple[Value, ...]]


@dataclasses.dataclass(frozen=True)
class Lexicon:
    """All words.

    Attributes:
      categories: in a fixed order.
      brands: department -> brand names with their own shelf there.
      brand_parts, series_parts: (firsts, seconds) from which further names are put together.
      title_noise, query_noise: phrases that name nothing.
      abbreviations: word -> how a hurried seller writes it.
      field_names: type -> what sellers call the structured field, commonest first.
    """

    categories: tuple[Category, ...]
    brands: Mapping[str, tuple[str, ...]]
    brand_parts: tuple[tuple[str, ...], tuple[str, ...]]
    series_parts: tuple[tuple[str, ...], tuple[str, ...]]
    title_noise: tuple[str, ...]
    query_noise: tuple[str, ...]
    abbreviations: Mapping[str, str]
    field_names: Mapping[str, tuple[str, ...]]


@functools.cache
def load_lexicon() -> Lexicon:
    """The lexicon that ships."""
    content = json.loads(_SHIPPED.read_text(encoding="utf-8"))
    departments = content["departments"]
    return Lexicon(
        categories=tuple(
            _category(name, entry, department, departments[department], content)
            for department in departments
            for name, entry in departments[department]["categories"].items()),
        brands={name: tuple(entry["brands"]) for name, entry in departments.items()},
        brand_parts=(tuple(content["brand_first"]), tuple(content["brand_second"])),
        series_parts=(tuple(content["series_first"]), tuple(content["series_second"])),
        title_noise=tuple(content["noise"]["title"]),
        query_noise=tuple(content["noise"]["query"]),
        abbreviations=content["abbreviations"],
        field_names={name: tuple(names) for name, names in content["field_names"].items()},
    )


def plural(phrase: str) -> str:
    """The phrase with its last word in the plural."""
    if phrase.endswith("s"):
        return phrase if not phrase.endswith(("ss", "us")) else phrase + "es"
    if phrase.endswith(("x", "ch", "sh")):
        return phrase + "es"
    if phrase.endswith("y") and phrase[-2] not in "aeiou":
        return phrase[:-1] + "ies"
    return phrase + "s"


def _category(name: str, entry: Mapping[str, Any], department: str,
              shelf: Mapping[str, Any], content: Mapping[str, Any]) -> Category:
    named = {type_name: shelf[type_name] for type_name in _DEPARTMENT_TYPES}
    named |= {type_name: entry[type_name] for type_name in _CATEGORY_TYPES}
    named["marketing_term"] = list(content["values"]["marketing_term"])
    values = {type_name: tuple(_value(value, content["values"][type_name].get(value, {}))
                               for value in names) for type_name, names in named.items()}
    unit = _value(entry["unit"], content["units"][entry["unit"]])
    values["technical_specification"] = tuple(
        _measure(number, unit) for number in entry["measures"])
    return Category(_value(name, entry), department, values)


def _value(name: str, forms: Mapping[str, Any]) -> Value:
    return Value(name, tuple(forms.get("sellers", ())), tuple(forms.get("shoppers", ())))


def _measure(number: str, unit: Value) -> Value:
    """'20 gallon' as '20 gal.' or '20gal'; a bare sign or a dash stands at the number itself."""
    if unit.name == "size":
        return Value(f"size {number}", (f"sz {number}",), (f"sized {number}", number))
    sellers = tuple(f"{number} {form}" if form[0].isalpha() else f"{number}{form}"
                    for form in unit.sellers)
    return Value(f"{number} {unit.name}", sellers, tuple(
        f"{number} {form}" if len(form) > 3 else f"{number}{form}" for form in unit.shoppers))
