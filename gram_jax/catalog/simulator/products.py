"""What the simulated shop sells: the hidden truth of every product.

Knows nothing of titles, fields or queries.
"""

import dataclasses
from collections.abc import Iterator

import numpy as np

from gram_jax.catalog.simulator.lexicon import Category, Lexicon, Value
from gram_jax.catalog.simulator.settings import TYPE_INDEX, TYPES, SimulatorSettings

_NONE = -1
_VARIANT_TYPES = ("color", "sales_specification", "technical_specification")


@dataclasses.dataclass(frozen=True)
class World:
    """The truth about all products.

    Attributes:
      truth: int32 [products, types], indexes into `values`, -1 where a product has none.
      values: for each type, its values.
      department: int32 [products].
      popularity: float64 [products], how often a product is wanted; sums to 1.
    """

    truth: np.ndarray
    values: tuple[tuple[Value, ...], ...]
    department: np.ndarray
    popularity: np.ndarray

    def value(self, product: int, type_index: int) -> Value | None:
        """A product's value of a type, or None."""
        index = self.truth[product, type_index]
        return None if index == _NONE else self.values[type_index][index]


def make_world(lexicon: Lexicon, num_products: int, settings: SimulatorSettings,
               rng: np.random.Generator) -> World:
    """Draws the products."""
    names = _Names(lexicon, settings, rng)
    categories = lexicon.categories
    order = rng.permutation(len(categories))
    weights = zipf(len(categories), settings.zipf_slopes["category"])
    drawn = order[rng.choice(len(categories), size=num_products, p=weights)]
    pickers = {index: _CategoryPicker(categories[index], settings, rng)
               for index in range(len(categories))}
    departments = list(lexicon.brands)
    truth = np.full((num_products, len(TYPES)), _NONE, np.int32)
    earlier: dict[tuple[int, int], list[int]] = {}  # (category, brand) -> products
    for product, index in enumerate(drawn):
        category = categories[index]
        row = truth[product]
        brand = names.draw_brand(category.department)
        siblings = earlier.setdefault((int(index), brand), [])
        if siblings and rng.random() < settings.variant_share:
            row[:] = truth[siblings[rng.integers(len(siblings))]]
            redrawn = _VARIANT_TYPES
        else:
            row[TYPE_INDEX["brand"]] = brand
            row[TYPE_INDEX["category"]] = names.index("category", category.value)
            row[TYPE_INDEX["model"]] = names.draw_model(brand)
            if rng.random() < settings.having_rates["series"]:
                row[TYPE_INDEX["series"]] = names.draw_series(brand)
            redrawn = tuple(category.values)
        for type_name in redrawn:
            value = pickers[index].draw(type_name)
            row[TYPE_INDEX[type_name]] = _NONE if value is None else names.index(type_name, value)
        siblings.append(product)
    return World(
        truth=truth,
        values=names.values(),
        department=np.array([departments.index(categories[index].department) for index in drawn],
                            np.int32),
        popularity=rng.permutation(zipf(num_products, 0.5)),
    )


def zipf(size: int, slope: float) -> np.ndarray:
    """float64 [size]: probabilities proportional to rank^-slope."""
    weights = np.arange(1, size + 1, dtype=np.float64) ** -slope
    return weights / weights.sum()


class _CategoryPicker:
    """Draws values for one category, whose favourites differ a little from its neighbours'."""

    def __init__(self, category: Category, settings: SimulatorSettings, rng: np.random.Generator):
        self._category, self._rng = category, rng
        self._having = settings.having_rates
        self._cumulative = {}
        for type_name, values in category.values.items():
            slope = settings.zipf_slopes.get(type_name, settings.default_zipf_slope)
            weights = zipf(len(values), slope) * rng.lognormal(0.0, 0.7, len(values))
            self._cumulative[type_name] = np.cumsum(weights / weights.sum())

    def draw(self, type_name: str) -> Value | None:
        if self._rng.random() >= self._having.get(type_name, 0.0):
            return None
        place = np.searchsorted(self._cumulative[type_name], self._rng.random(), side="right")
        values = self._category.values[type_name]
        return values[min(int(place), len(values) - 1)]


class _Names:
    """Numbers the values of each type, and makes up brands, series and models."""

    def __init__(self, lexicon: Lexicon, settings: SimulatorSettings, rng: np.random.Generator):
        self._rng = rng
        self._values: list[list[Value]] = [[] for _ in TYPES]
        self._index: list[dict[str, int]] = [{} for _ in TYPES]
        self._brand_weights = np.cumsum(
            zipf(settings.brands_per_department, settings.zipf_slopes["brand"]))
        num_brands = settings.brands_per_department * len(lexicon.brands)
        _check_words(num_brands, lexicon.brand_parts, "brands_per_department")
        _check_words(num_brands * settings.series_per_brand, lexicon.series_parts,
                     "series_per_brand")
        made_up = _combinations(lexicon.brand_parts, "", rng)
        self._brands = {}
        for department, known in lexicon.brands.items():
            missing = max(0, settings.brands_per_department - len(known))
            shelf = (*known, *(next(made_up) for _ in range(missing)))
            self._brands[department] = [
                self.index("brand", _branded(name))
                for name in shelf[:settings.brands_per_department]]
        series = _combinations(lexicon.series_parts, " ", rng)
        self._series = {
            brand: [self.index("series", _branded(next(series)))
                    for _ in range(settings.series_per_brand)]
            for shelf in self._brands.values() for brand in shelf}
        self._series_weights = np.cumsum(zipf(settings.series_per_brand, 1.0))

    def index(self, type_name: str, value: Value) -> int:
        place = TYPE_INDEX[type_name]
        index = self._index[place].setdefault(value.name, len(self._values[place]))
        if index == len(self._values[place]):
            self._values[place].append(value)
        return index

    def draw_brand(self, department: str) -> int:
        return self._brands[department][self._place(self._brand_weights)]

    def draw_series(self, brand: int) -> int:
        return self._series[brand][self._place(self._series_weights)]

    def draw_model(self, brand: int) -> int:
        letters = "".join(c for c in self._values[TYPE_INDEX["brand"]][brand].name if c.isalpha())
        start = letters[0] + letters[int(self._rng.integers(1, len(letters)))]
        name = f"{start}-{self._rng.integers(100, 9999)}".upper()
        bare = name.replace("-", "").lower()
        return self.index("model", Value(name, (name.replace("-", ""),), (bare,)))

    def values(self) -> tuple[tuple[Value, ...], ...]:
        return tuple(tuple(values) for values in self._values)

    def _place(self, cumulative: np.ndarray) -> int:
        place = np.searchsorted(cumulative, self._rng.random(), side="right")
        return min(int(place), len(cumulative) - 1)


def _branded(name: str) -> Value:
    """A made-up name; shoppers write it in one word or leave out its sign."""
    spelled = {name.replace(" & ", " "), name.replace(" & ", " and "), name.replace(" ", "")}
    return Value(name, (), tuple(sorted(spelled - {name})))


def _check_words(wanted: int, parts: tuple[tuple[str, ...], tuple[str, ...]], setting: str) -> None:
    possible = len(parts[0]) * len(parts[1])
    if wanted > possible:
        raise ValueError(f"{setting} asks for {wanted} names; the lexicon can make {possible}")


def _combinations(parts: tuple[tuple[str, ...], tuple[str, ...]], joint: str,
                  rng: np.random.Generator) -> Iterator[str]:
    pairs = [first + joint + second for first in parts[0] for second in parts[1]]
    return iter([pairs[index] for index in rng.permutation(len(pairs))])
