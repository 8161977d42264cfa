"""Every number of the simulation, with what it was set from.

The numbers were fixed from statistics of the Home Depot train part, with one side condition: BM25
finds between 0.4 and 0.8 of the relevant products among its first 100. No other retriever was
looked at. docs/simulator.md shows the measured values beside the simulated ones. Rates by type
that leave a type out mean 0 for it.
"""

import dataclasses
from collections.abc import Mapping

TYPES = (
    "brand", "category", "series", "model", "function", "material", "style", "color",
    "sales_specification", "technical_specification", "applicable_time", "target_audience",
    "scenario", "modifier", "marketing_term", "origin_theme",
)
"""The attribute types, in canonical order; their place here is their column in `truth`."""

TYPE_INDEX = {name: index for index, name in enumerate(TYPES)}

MINOR_TYPES = frozenset({
    "function", "material", "style", "color", "sales_specification", "applicable_time",
    "scenario", "modifier", "marketing_term", "origin_theme",
})
"""Types whose miss a shopper forgives when two other named things are right."""


def _rates(**by_type: float) -> Mapping[str, float]:
    return by_type


@dataclasses.dataclass(frozen=True)
class SimulatorSettings:
    """How products, sellers, shoppers and clicks come about; shares are between 0 and 1.

    Raises:
      ValueError: a mapping by type names a type that does not exist, or a share is no share.
    """

    # Products. Slopes of log frequency over log rank as measured for brand, category, color and
    # material; the other types are between.
    brands_per_department: int = 30
    series_per_brand: int = 3
    default_zipf_slope: float = 1.0
    zipf_slopes: Mapping[str, float] = dataclasses.field(default_factory=lambda: _rates(
        brand=0.69, category=0.66, color=1.48, material=1.76))
    variant_share: float = 0.3  # products that are another variant of an earlier product's model
    having_rates: Mapping[str, float] = dataclasses.field(default_factory=lambda: _rates(
        brand=1.0, category=1.0, series=0.6, model=1.0, function=0.7, material=0.75, style=0.6,
        color=0.75, sales_specification=0.35, technical_specification=0.85, applicable_time=0.15,
        target_audience=0.4, scenario=0.4, modifier=0.4, marketing_term=0.15, origin_theme=0.2))

    # Sellers. Rates such that titles are as long as measured, and that fields of brand, category,
    # color and material are filled as often as measured.
    num_sellers: int = 80
    title_rates: Mapping[str, float] = dataclasses.field(default_factory=lambda: _rates(
        brand=0.92, category=0.99, series=0.7, model=0.35, function=0.8, material=0.82, style=0.7,
        color=0.82, sales_specification=0.8, technical_specification=0.88, applicable_time=0.6,
        target_audience=0.7, scenario=0.6, modifier=0.7, marketing_term=0.5, origin_theme=0.7))
    field_rates: Mapping[str, float] = dataclasses.field(default_factory=lambda: _rates(
        brand=0.92, category=0.98, series=0.5, model=0.4, function=0.4, material=0.6, style=0.4,
        color=0.62, sales_specification=0.3, technical_specification=0.5, applicable_time=0.3,
        target_audience=0.4, scenario=0.3, modifier=0.25, marketing_term=0.1, origin_theme=0.25))
    field_error_share: float = 0.03  # field values that are simply wrong
    seller_other_form_share: float = 0.15  # (seller, value) pairs in another form than the common
    seller_shopper_word_share: float = 0.16  # (seller, value) pairs in a shopper's word
    plural_seller_share: float = 0.2  # sellers who name categories in the plural
    title_noise_share: float = 0.25  # titles with a phrase that says nothing about the product

    # Shoppers. Rates of brand, material, color and numbers such that queries name them as often
    # as measured; the other types share what the measured query length leaves.
    naming_rates: Mapping[str, float] = dataclasses.field(default_factory=lambda: _rates(
        brand=0.18, category=0.83, series=0.02, model=0.02, function=0.02, material=0.15,
        style=0.02, color=0.13, sales_specification=0.02, technical_specification=0.14,
        applicable_time=0.01, target_audience=0.02, scenario=0.02, modifier=0.02,
        marketing_term=0.01, origin_theme=0.01))
    max_named: int = 4
    category_own_word_share: float = 0.6  # named categories in words that sellers hardly use
    own_word_share: float = 0.1  # the same of every other named value
    plural_share: float = 0.25  # queries that name the category in the plural
    typo_share: float = 0.03  # words with one wrong keystroke
    joined_share: float = 0.005  # words run together with the next
    swapped_order_share: float = 0.1  # neighbouring phrases in another than the usual order
    query_noise_share: float = 0.02  # queries with a word that names nothing

    # The shop's search, and clicks. Like the search behind the Home Depot pairs it leans on words,
    # so that what is clicked shares more words with the query than what is relevant does.
    word_weight: float = 3.0  # what a query word in the title is worth to the search
    understood_share: float = 0.7  # named values that the search makes use of in any words
    understood_weight: float = 2.0  # what such a value is worth
    examination_slope: float = 1.0  # a result at rank r is looked at with probability r^-slope
    max_rank: int = 50
    click_rates: tuple[float, ...] = (0.02, 0.1, 0.5, 0.8)  # by grade, once looked at
    unspoken_factor: float = 1.5  # how much a wish that was not typed makes or breaks a click
    max_sessions: float = 60.0  # a query in the most frequent hundredth is typed so often
    min_sessions: int = 3
    session_slope: float = 0.8  # the others fall with their rank to the minus this

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name.endswith("_share") and not 0 <= value <= 1:
                raise ValueError(f"{field.name} {value} is not between 0 and 1")
            if isinstance(value, Mapping) and value.keys() - TYPE_INDEX.keys():
                unknown = sorted(value.keys() - TYPE_INDEX.keys())
                raise ValueError(f"{field.name} names unknown types {unknown}")
