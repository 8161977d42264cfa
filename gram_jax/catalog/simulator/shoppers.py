"""What shoppers want and what they type.

A shopper needs values that some product has, names a few of them and keeps one to herself. The
words of the query come from the lexicon and from slips of the keyboard: titles and fields are
never read here.
"""

import dataclasses

import numpy as np

from gram_jax.catalog.simulator.lexicon import Lexicon, Value, plural
from gram_jax.catalog.simulator.products import World, zipf
from gram_jax.catalog.simulator.settings import TYPE_INDEX, TYPES, SimulatorSettings
from gram_jax.catalog.splits import query_key

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_USUAL_ORDER = tuple(TYPE_INDEX[name] for name in (
    "marketing_term", "applicable_time", "brand", "series", "model", "technical_specification",
    "target_audience", "modifier", "color", "material", "origin_theme", "style", "function",
    "category", "sales_specification", "scenario"))
_IDENTIFYING = tuple(TYPE_INDEX[name] for name in ("category", "series", "model"))
_TRIES_PER_QUERY = 50


@dataclasses.dataclass(frozen=True, slots=True)
class Need:
    """Values wanted: `named` (type index, value index) are typed; `unspoken` is not, or is None."""

    named: tuple[tuple[int, int], ...]
    unspoken: tuple[int, int] | None
    category: int
    department: int


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """A need and the text that a shopper typed for it."""

    text: str
    need: Need


def ask(world: World, lexicon: Lexicon, num_queries: int, settings: SimulatorSettings,
        rng: np.random.Generator) -> list[Asked]:
    """`num_queries` queries of different texts.

    Raises:
      ValueError: so few products do not give rise to so many different queries.
    """
    speaker = _Speaker(lexicon, settings, rng)
    rates = np.array([settings.naming_rates.get(name, 0.0) for name in TYPES])
    having = (world.truth >= 0).mean(axis=0)
    # A value can only be named where a product has one, so the rates are raised for those.
    rates = np.minimum(rates / np.maximum(having, 1e-9), 1.0)
    popularity = np.cumsum(world.popularity)
    asked: dict[str, Asked] = {}
    for _ in range(num_queries * _TRIES_PER_QUERY):
        if len(asked) == num_queries:
            return list(asked.values())
        need = _draw_need(world, popularity, rates, settings, rng)
        text = speaker.say(need, world)
        asked.setdefault(query_key(text), Asked(text, need))
    raise ValueError(f"{len(world.truth)} products give only {len(asked)} different queries, "
                     f"not {num_queries}")


def _draw_need(world: World, popularity: np.ndarray, rates: np.ndarray,
               settings: SimulatorSettings, rng: np.random.Generator) -> Need:
    wanted = int(np.searchsorted(popularity, rng.random(), side="right"))
    truth = world.truth[min(wanted, len(world.truth) - 1)]
    has = truth >= 0
    named = np.flatnonzero(has & (rng.random(len(TYPES)) < rates))
    if len(named) > settings.max_named:
        named = np.sort(rng.permutation(named)[:settings.max_named])
    category = TYPE_INDEX["category"]
    if not any(place in named for place in _IDENTIFYING):
        named = np.sort(np.append(named, category))
    silent = [place for place in np.flatnonzero(has) if place not in named
              and place not in _IDENTIFYING]
    unspoken = silent[rng.integers(len(silent))] if silent else None
    return Need(
        named=tuple((int(place), int(truth[place])) for place in named),
        unspoken=None if unspoken is None else (int(unspoken), int(truth[unspoken])),
        category=int(truth[category]),
        department=int(world.department[wanted]),
    )


class _Speaker:
    """Turns a need into a typed text."""

    def __init__(self, lexicon: Lexicon, settings: SimulatorSettings, rng: np.random.Generator):
        self._lexicon, self._settings, self._rng = lexicon, settings, rng

    def say(self, need: Need, world: World) -> str:
        settings, rng = self._settings, self._rng
        named = dict(need.named)
        phrases = [self._phrase(place, world.values[place][named[place]])
                   for place in _USUAL_ORDER if place in named]
        for place in range(len(phrases) - 1):
            if rng.random() < settings.swapped_order_share:
                phrases[place:place + 2] = phrases[place + 1], phrases[place]
        if rng.random() < settings.query_noise_share:
            noise = self._lexicon.query_noise
            phrases.insert(0, noise[rng.integers(len(noise))])
        return " ".join(self._typed(" ".join(phrases).lower().split()))

    def _phrase(self, place: int, value: Value) -> str:
        settings, rng = self._settings, self._rng
        phrase = value.name
        own_share = (settings.category_own_word_share if TYPES[place] == "category"
                     else settings.own_word_share)
        if value.shoppers and rng.random() < own_share:
            weights = zipf(len(value.shoppers), 1.0)
            phrase = value.shoppers[rng.choice(len(value.shoppers), p=weights)]
        if TYPES[place] == "category" and rng.random() < settings.plural_share:
            return plural(phrase)
        if TYPES[place] in ("scenario", "target_audience") and rng.random() < 0.25:
            return f"for {phrase}"
        if TYPES[place] == "function" and rng.random() < 0.2:
            return f"with {phrase}"
        return phrase

    def _typed(self, words: list[str]) -> list[str]:
        settings, rng = self._settings, self._rng
        typed: list[str] = []
        join_next = False
        for word in words:
            if len(word) > 3 and word.isalpha() and rng.random() < settings.typo_share:
                word = _mistyped(word, rng)
            if join_next:
                typed[-1] += word
            else:
                typed.append(word)
            join_next = rng.random() < settings.joined_share
        return typed


def _mistyped(word: str, rng: np.random.Generator) -> str:
    """The word with one letter lost, doubled, exchanged with its neighbour or replaced."""
    place = int(rng.integers(1, len(word)))
    slip = rng.integers(4)
    if slip == 0:
        return word[:place] + word[place + 1:]
    if slip == 1:
        return word[:place] + word[place - 1:]
    if slip == 2:
        return word[:place - 1] + word[place] + word[place - 1] + word[place + 1:]
    return word[:place] + _LETTERS[rng.integers(len(_LETTERS))] + word[place + 1:]
