"""How sellers write: titles in their own styles, and structured fields with gaps and mistakes.

Reads the truth of products; knows nothing of shoppers.
"""

import dataclasses
from collections.abc import Iterator

import numpy as np

from gram_jax.catalog.simulator.lexicon import Lexicon, Value, plural
from gram_jax.catalog.simulator.products import World, zipf
from gram_jax.catalog.simulator.settings import TYPE_INDEX, TYPES, SimulatorSettings
from gram_jax.core.records import Product

_ORDERS = (
    "brand series model technical_specification material modifier function style color category "
    "target_audience scenario sales_specification applicable_time origin_theme marketing_term",
    "brand series model modifier category material color technical_specification function style "
    "sales_specification target_audience scenario applicable_time origin_theme marketing_term",
    "category material color style technical_specification function brand series model modifier "
    "origin_theme target_audience scenario applicable_time sales_specification marketing_term",
    "marketing_term modifier brand origin_theme category target_audience function scenario style "
    "material color technical_specification sales_specification series model applicable_time",
    "color material origin_theme style modifier category technical_specification brand series "
    "model function applicable_time target_audience scenario sales_specification marketing_term",
    "technical_specification brand series style modifier color material category function "
    "target_audience scenario applicable_time origin_theme sales_specification model "
    "marketing_term",
)
_SEPARATORS = ((" ", 0.8), (", ", 0.06), (" - ", 0.08), (" | ", 0.06))
_CASES = (("title", 0.7), ("lower", 0.1), ("brand capitals", 0.13), ("sentence", 0.07))
_COMMON_FORM, _OTHER_FORM, _SHOPPER_WORD = range(3)


@dataclasses.dataclass(frozen=True)
class _Seller:
    order: tuple[int, ...]  # type indexes
    separator: str
    case: str
    verbosity: float  # multiplies the rate at which a value is told
    abbreviates: float  # share of abbreviable words
    noise: float  # share of titles
    field_names: tuple[str, ...]  # by type
    says_plurals: bool
    dialect: dict[tuple[int, str], str]  # (type, value name) -> the form this seller sticks to


def write_products(world: World, product_ids: tuple[str, ...], lexicon: Lexicon,
                   settings: SimulatorSettings, rng: np.random.Generator) -> Iterator[Product]:
    """Yields the products as their sellers put them into the catalogue."""
    sellers = [_make_seller(lexicon, settings, rng) for _ in range(settings.num_sellers)]
    drawn = rng.choice(len(sellers), size=len(product_ids), p=zipf(len(sellers), 0.7))
    title_rates = np.array([settings.title_rates.get(name, 0.0) for name in TYPES])
    field_rates = np.array([settings.field_rates.get(name, 0.0) for name in TYPES])
    chances = rng.random((2, len(product_ids), len(TYPES)))
    for index, product_id in enumerate(product_ids):
        seller = sellers[drawn[index]]
        told = chances[0, index] < 1 - (1 - title_rates) ** seller.verbosity
        filled = chances[1, index] < field_rates
        title = _title(world, index, told, seller, lexicon, settings, rng)
        fields = _fields(world, index, filled, seller, settings, rng)
        yield Product(product_id, title, fields)


def _make_seller(lexicon: Lexicon, settings: SimulatorSettings,
                 rng: np.random.Generator) -> _Seller:
    order = _ORDERS[rng.choice(len(_ORDERS), p=zipf(len(_ORDERS), 1.0))].split()
    # A habit of one's own: one type stands elsewhere than in the usual order.
    order.insert(int(rng.integers(len(order))), order.pop(int(rng.integers(len(order)))))
    return _Seller(
        order=tuple(TYPE_INDEX[name] for name in order),
        separator=_draw(_SEPARATORS, rng),
        case=_draw(_CASES, rng),
        verbosity=float(rng.lognormal(0.0, 0.35)),
        abbreviates=float(rng.beta(0.4, 4.0)),
        noise=settings.title_noise_share * float(rng.lognormal(-0.3, 0.8)),
        field_names=tuple(
            names[rng.choice(len(names), p=zipf(len(names), 1.0))]
            for names in (lexicon.field_names[name] for name in TYPES)),
        says_plurals=bool(rng.random() < settings.plural_seller_share),
        dialect={},
    )


def _form(type_index: int, value: Value, seller: _Seller, settings: SimulatorSettings,
          rng: np.random.Generator) -> str:
    """What this seller always calls the value; decided when it is first needed."""
    key = type_index, value.name
    if key not in seller.dialect:
        kind = rng.choice(3, p=(
            1 - settings.seller_other_form_share - settings.seller_shopper_word_share,
            settings.seller_other_form_share, settings.seller_shopper_word_share))
        forms = {_COMMON_FORM: (), _OTHER_FORM: value.sellers, _SHOPPER_WORD: value.shoppers}[kind]
        form = forms[rng.integers(len(forms))] if forms else value.name
        if seller.says_plurals and TYPES[type_index] == "category":
            form = plural(form)
        seller.dialect[key] = form
    return seller.dialect[key]


def _title(world: World, product: int, told: np.ndarray, seller: _Seller, lexicon: Lexicon,
           settings: SimulatorSettings, rng: np.random.Generator) -> str:
    phrases = []
    for type_index in seller.order:
        value = world.value(product, type_index)
        if value is None or not told[type_index]:
            continue
        name = TYPES[type_index]
        phrase = _form(type_index, value, seller, settings, rng)
        if rng.random() < seller.abbreviates * 3 and name not in ("brand", "series", "model"):
            phrase = " ".join(lexicon.abbreviations.get(word, word) for word in phrase.split())
        phrase = _cased(phrase, name, seller.case)
        joined = {"function": "with ", "target_audience": "for ", "scenario": "for "}.get(name, "")
        if joined and phrases and rng.random() < 0.4:
            phrase = joined + phrase
        elif name == "sales_specification" and phrases and rng.random() < 0.6:
            phrase = f"({phrase})"
        phrases.append(phrase)
    if not phrases:
        value = world.value(product, TYPE_INDEX["category"])
        phrases = [_form(TYPE_INDEX["category"], value, seller, settings, rng)]
    if rng.random() < seller.noise:
        noise = lexicon.title_noise[rng.integers(len(lexicon.title_noise))]
        phrases.insert(0 if rng.random() < 0.3 else len(phrases), noise)
    title = seller.separator.join(phrases)
    return title[0].upper() + title[1:] if seller.case == "sentence" else title


def _fields(world: World, product: int, filled: np.ndarray, seller: _Seller,
            settings: SimulatorSettings, rng: np.random.Generator) -> dict[str, tuple[str, ...]]:
    fields = {}
    for type_index in np.flatnonzero(filled & (world.truth[product] >= 0)):
        value = world.value(product, type_index)
        if rng.random() < settings.field_error_share:
            values = world.values[type_index]
            value = values[rng.integers(len(values))]
        phrase = _form(type_index, value, seller, settings, rng)
        fields[seller.field_names[type_index]] = (_cased(phrase, TYPES[type_index], seller.case),)
    return fields


def _cased(phrase: str, type_name: str, case: str) -> str:
    if case == "lower":
        return phrase.lower()
    if type_name in ("brand", "series", "model"):
        return phrase.upper() if case == "brand capitals" and type_name == "brand" else phrase
    if case == "sentence":
        return phrase
    return " ".join(word[0].upper() + word[1:] for word in phrase.split())


def _draw(weighted: tuple[tuple[str, float], ...], rng: np.random.Generator) -> str:
    return weighted[rng.choice(len(weighted), p=[weight for _, weight in weighted])][0]
