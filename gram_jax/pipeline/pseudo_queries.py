"""Queries that nobody typed, and the codes that the products nearest to them vote for.

What a small model does not know, an index of words or a sentence encoder does: which products a
text is about. The votes of these (`codes.choosers`) give codes for any text, so that a generator
can learn from as many as there is time for.
"""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from gram_jax.attributes.value_table import ValueTable
from gram_jax.catalog.shop import Shop
from gram_jax.codes.choosers import choose_by_neighbors
from gram_jax.codes.code_table import CodeTable
from gram_jax.codes.examples import CodeExample
from gram_jax.codes.pseudo_queries import pseudo_queries
from gram_jax.codes.title_queries import TitleWords
from gram_jax.core.errors import ConfigError
from gram_jax.pipeline.text_neighbors import NONE
from gram_jax.text.normal_form import words
from gram_jax.text.typos import mistype


@dataclasses.dataclass(frozen=True, kw_only=True)
class PseudoQuerySettings:
    """How pseudo-queries are drawn and which codes they get.

    Args:
      num_queries: how many are drawn; repeats of a text are dropped.
      title_share: share of them that are words of titles; the others name attribute values.
      typo_rate: share of them that are typed with a slip, after their codes were chosen.
      num_neighbors: products that vote for a query's codes.
      num_codes: codes of a query.
      seed: of the draws.

    Raises:
      ConfigError: a value makes no sense.
    """

    num_queries: int = 100_000
    title_share: float = 0.8
    typo_rate: float = 0.1
    num_neighbors: int = 20
    num_codes: int = 10
    seed: int = 0

    def __post_init__(self):
        for name in ("num_queries", "num_neighbors", "num_codes"):
            if getattr(self, name) < 1:
                raise ConfigError(f"PseudoQuerySettings.{name} is {getattr(self, name)}, "
                                  "not at least 1")
        for name in ("title_share", "typo_rate"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"PseudoQuerySettings.{name} is {getattr(self, name)}, "
                                  "not between 0 and 1")


def draw_texts(shop: Shop, values: ValueTable, settings: PseudoQuerySettings) -> list[str]:
    """Different texts, none of them a tune or test query's.

    Args:
      shop: its clicks on train queries say which words of titles are asked by.
      values: attribute values of its products.
      settings: how many, and from what.
    """
    clicks = shop.click_table("train")
    text_of = {query.query_id: query.text for query in shop.queries}
    clicked = [(text_of[query_id], clicks.of_row(row)[0].tolist())
               for row, query_id in enumerate(clicks.query_ids)]
    titles = TitleWords.count((product.title for product in shop.products), clicked)
    of_titles = round(settings.title_share * settings.num_queries)
    drawn = dict.fromkeys(titles.draw(of_titles, seed=settings.seed))
    drawn |= dict.fromkeys(pseudo_queries(
        values, num_queries=settings.num_queries - of_titles, seed=settings.seed)[0])
    held_out = {" ".join(words(query.text)) for split in ("tune", "test")
                for query in shop.queries_of(split)}
    return [text for text in drawn if text not in held_out]


def vote_for_codes(table: CodeTable, texts: Sequence[str], neighbors: np.ndarray,
                   settings: PseudoQuerySettings) -> Iterator[CodeExample]:
    """The texts with their codes, best first, but those that have no neighbor.

    Args:
      table: the codes.
      texts: to choose codes for.
      neighbors: int [texts, k], the products that vote, as `text_neighbors.FindNeighbors` has them.
      settings: how many codes, and how often a text is mistyped afterwards.
    """
    rng = np.random.default_rng(settings.seed)
    for number, (text, nearest) in enumerate(zip(texts, neighbors)):
        codes = choose_by_neighbors(table, nearest[nearest != NONE].tolist(),
                                    num_codes=settings.num_codes)
        typed = mistype(text, rng) if rng.random() < settings.typo_rate else text
        if codes:
            yield CodeExample(f"pseudo-{number:07d}", typed,
                              tuple(table.codes[code].text for code in codes))
