"""Which products satisfy a need, and which ones shoppers click in the shop's own search.

Relevance is a matter of truths alone; texts matter to the search only, which decides what shoppers
get to see.
"""

import array
import dataclasses
import re
from collections.abc import Iterable

import numpy as np

from gram_jax.catalog.simulator.products import World
from gram_jax.catalog.simulator.settings import MINOR_TYPES, TYPE_INDEX, SimulatorSettings
from gram_jax.catalog.simulator.shoppers import Asked, Need

_CATEGORY = TYPE_INDEX["category"]
_MINOR = frozenset(TYPE_INDEX[name] for name in MINOR_TYPES)


def grades(world: World, need: Need, products: np.ndarray | slice = slice(None)) -> np.ndarray:
    """int8 [products]: how well each of the products, or of all, satisfies what was named.

    3: all that was named. 2: all but one minor thing, where at least three things were named and
    the category is right. 1: the category is right (or, where the shopper named none, something
    else that was named is). 0: neither.
    """
    places = np.array([place for place, _ in need.named])
    wanted = np.array([value for _, value in need.named], np.int32)
    truth = world.truth[products]
    holds = truth[:, places] == wanted
    missed = (~holds).sum(axis=1)
    minor = np.array([place in _MINOR for place in places])
    related = truth[:, _CATEGORY] == need.category
    if _CATEGORY not in places:
        related = holds.any(axis=1)
    result = related.astype(np.int8)
    if len(places) >= 3 and _CATEGORY in places:
        result[related & (missed == 1) & (~holds & minor).any(axis=1)] = 2
    result[missed == 0] = 3
    return result


def click_counts(world: World, need: Need, shown: np.ndarray, sessions: int,
                 settings: SimulatorSettings, rng: np.random.Generator) -> dict[int, int]:
    """product -> clicks, over all sessions in which a shopper typed this query.

    A shopper looks at the result of rank r with probability r^-examination_slope and clicks what
    she looks at by its grade and by her unspoken wish. Logs keep queries that were clicked, so at
    least one product is.

    Args:
      world: the truth.
      need: what the shopper wants.
      shown: int [results], products, best first.
      sessions: how often the query was typed.
      settings: click rates.
      rng: decides.
    """
    graded = grades(world, need, shown)
    looked_at = np.arange(1, len(shown) + 1, dtype=np.float64) ** -settings.examination_slope
    chance = np.array(settings.click_rates)[graded] * looked_at
    if need.unspoken is not None:
        place, value = need.unspoken
        fits = world.truth[shown, place] == value
        chance *= np.where(fits, settings.unspoken_factor, 1 / settings.unspoken_factor)
    chance = np.minimum(chance, 1.0)
    counts = rng.binomial(sessions, chance)
    if not counts.any():
        counts[rng.choice(len(shown), p=chance / chance.sum())] = 1
    return {int(shown[rank]): int(counts[rank]) for rank in np.flatnonzero(counts)}


def session_counts(num_queries: int, settings: SimulatorSettings,
                   rng: np.random.Generator) -> np.ndarray:
    """int [queries]: how often each query is typed; falls with its rank as by Zipf's law."""
    ranks = 1.0 + rng.permutation(num_queries)
    counts = settings.max_sessions * (ranks * 100 / max(num_queries, 100)) ** (
        -settings.session_slope)
    return np.clip(counts, settings.min_sessions, settings.max_sessions).astype(np.int64)


class ShopSearch:
    """The search that the shop had when the clicks were logged.

    It ranks a department's products by the words they share with the query, by those of the named
    values that it makes use of whatever the words, by popularity and by chance.
    """

    def __init__(self, world: World, titles: Iterable[str], settings: SimulatorSettings):
        self._settings = settings
        members = {int(department): np.flatnonzero(world.department == department)
                   for department in np.unique(world.department)}
        self._shelves = {department: _Shelf(found, world.truth[found].T.copy(),
                                            0.5 * np.log(world.popularity[found]), {})
                         for department, found in members.items()}
        place = np.zeros(len(world.department), np.int32)
        for found in members.values():
            place[found] = np.arange(len(found))
        for department, at, title in zip(world.department.tolist(), place.tolist(), titles):
            places_of = self._shelves[department].places_of
            for word in _plain_words(title):
                if word not in places_of:
                    places_of[word] = array.array("i")
                places_of[word].append(at)

    def rank(self, asked: Asked, rng: np.random.Generator) -> np.ndarray:
        """int [at most max_rank]: products, best first."""
        settings, shelf = self._settings, self._shelves[asked.need.department]
        score = shelf.popularity.copy()
        for word in sorted(_plain_words(asked.text)):
            if word in shelf.places_of:
                score[np.frombuffer(shelf.places_of[word], np.int32)] += settings.word_weight
        for type_index, value in asked.need.named:
            if rng.random() < settings.understood_share:
                score += settings.understood_weight * (shelf.truth[type_index] == value)
        score = score + rng.gumbel(0.0, 0.5, len(score))
        return shelf.products[_best(score, settings.max_rank)]


@dataclasses.dataclass(frozen=True)
class _Shelf:
    """A department, as its search sees it; a place counts its products."""

    products: np.ndarray  # int [places]
    truth: np.ndarray  # int32 [types, places]
    popularity: np.ndarray  # float64 [places]
    places_of: dict[str, array.array]  # word -> the places whose titles hold it, int32


def _best(score: np.ndarray, count: int) -> np.ndarray:
    """The first `count` places of a stable sort, highest score first."""
    if len(score) <= count:
        return np.argsort(-score, kind="stable")
    least = np.partition(score, len(score) - count)[len(score) - count]
    among = np.flatnonzero(score >= least)
    return among[np.argsort(-score[among], kind="stable")[:count]]


def _plain_words(text: str) -> set[str]:
    """Lower case words without a plural's s."""
    return {word.rstrip("s") or word for word in re.findall(r"[^\W_]+", text.lower())}
