"""What mining may be told: floors, ceilings, numbers of codes and how they are weighed."""

import dataclasses

from gram_jax.codes.code import GRANULARITIES, MAX_VALUES, granularity_of
from gram_jax.core.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class MiningSettings:
    """What becomes a code, and who has it.

    Args:
      min_products: a coarse code reaches at least so many products.
      min_products_of_detail: the same for medium and fine codes, which are many and seldom asked.
      max_products: a code reaches at most so many.
      max_values: of a code.
      max_bag_values: candidates are made of so many of a product's values, those that queries
        predict best.
      min_queries: a set of values that does not lie in one product's bag, but in what the clicks
        of a query share, is a candidate if so many queries agree.
      votes: how many coarse, medium and fine codes a product votes for.
      min_vote_share: share of its products that must vote for a code.
      min_picks: queries that must pick a code, where queries choose and not products.
      size_exponent: how much a vote prefers codes of many products to codes that are surely named.
      max_codes_per_query: the codes a query is trained on.
      max_codes_per_product: postings of one product; indexing time grows with them.
      min_sharing_support: a product joins a code that it does not hold the values of when the
        queries of the code that led to it predict the code so much in all: 1 is one query that
        names it in full.
      size_prior: products added to a code's size when codes of a query are compared.
      covered_share: how much a clicked product still counts for each code that reaches it.
      surprise_weight: what a code counts that its query does not predict, beside 1 for one that
        it names in full.
      min_relative_score: a code of a query scores at least this share of the query's best.
      pseudo_queries_per_product: in a shop without clicks.

    Raises:
      ConfigError: a number is outside its range.
    """

    min_products: int = 5
    min_products_of_detail: int = 10
    max_products: int = 200
    max_values: int = 4
    max_bag_values: int = 9
    min_queries: int = 2
    votes: tuple[int, int, int] = (6, 1, 1)
    min_vote_share: float = 0.4
    min_picks: int = 3
    size_exponent: float = 0.5
    max_codes_per_query: int = 10
    max_codes_per_product: int = 16
    min_sharing_support: float = 1.0
    size_prior: float = 10.0
    covered_share: float = 0.5
    surprise_weight: float = 0.2
    min_relative_score: float = 0.05
    pseudo_queries_per_product: float = 1.0

    def __post_init__(self):
        for name in ("min_products", "min_products_of_detail", "max_bag_values", "min_queries",
                     "max_codes_per_query", "max_codes_per_product"):
            if getattr(self, name) < 1:
                raise ConfigError(f"MiningSettings.{name} is {getattr(self, name)}, below 1")
        if self.max_products < max(self.min_products, self.min_products_of_detail):
            raise ConfigError(f"MiningSettings.max_products is {self.max_products}, below the "
                              "floors min_products and min_products_of_detail")
        if not 1 <= self.max_values <= MAX_VALUES:
            raise ConfigError(f"MiningSettings.max_values is {self.max_values}, not 1 to "
                              f"{MAX_VALUES}")
        if len(self.votes) != len(GRANULARITIES):
            raise ConfigError(f"MiningSettings.votes is {self.votes}, not one number for each of "
                              f"{GRANULARITIES}")

    def floor(self, num_values: int) -> int:
        """The fewest products a code of so many values may have."""
        coarse = granularity_of(num_values) == GRANULARITIES[0]
        return self.min_products if coarse else self.min_products_of_detail
