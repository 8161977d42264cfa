"""The simulated shop, put together: products, sellers, shoppers, clicks and judgments."""

import numpy as np

from gram_jax.catalog.shop import Shop
from gram_jax.catalog.simulator.clicks import ShopSearch, click_counts, grades, session_counts
from gram_jax.catalog.simulator.lexicon import load_lexicon
from gram_jax.catalog.simulator.products import make_world
from gram_jax.catalog.simulator.sellers import write_products
from gram_jax.catalog.simulator.settings import SimulatorSettings
from gram_jax.catalog.simulator.shoppers import Asked, ask
from gram_jax.catalog.splits import hold_out, query_key
from gram_jax.core.records import Click, Judgment, Query


def simulate_shop(*, seed: int = 0, num_products: int = 4000, num_queries: int = 3000,
                  num_tune_queries: int = 300, num_test_queries: int = 500,
                  settings: SimulatorSettings | None = None) -> Shop:
    """A shop in which the relevant products of a query are known by construction.

    The same arguments give the same shop, to the byte. Products depend on the seed and
    `num_products` alone.

    Args:
      seed: of everything random.
      num_products: size of the catalogue.
      num_queries: train queries; they have clicks.
      num_tune_queries: held out by hash of their text; they have clicks and judgments.
      num_test_queries: held out by hash of their text, judgments only. No test text is also a
        train or tune text.
      settings: how shoppers and sellers behave; see `SimulatorSettings`.

    Raises:
      ValueError: a number is not positive, or the products are too few for so many queries.
    """
    sizes = (num_products, num_queries, num_tune_queries, num_test_queries)
    if min(sizes) < 1:
        raise ValueError(f"products, train, tune and test queries {sizes} must be at least 1")
    settings = settings or SimulatorSettings()
    lexicon = load_lexicon()
    world_rng, seller_rng, shopper_rng, click_rng = (
        np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(4))
    world = make_world(lexicon, num_products, settings, world_rng)
    product_ids = tuple(f"p{index:06d}" for index in range(num_products))
    products = tuple(write_products(world, product_ids, lexicon, settings, seller_rng))
    asked = ask(world, lexicon, num_queries + num_tune_queries + num_test_queries, settings,
                shopper_rng)
    query_ids = [f"q{index:06d}" for index in range(len(asked))]
    splits = _split(asked, query_ids, num_tune_queries, num_test_queries)
    search = ShopSearch(world, [product.title for product in products], settings)
    clicks, judgments = [], []
    sessions = session_counts(len(asked), settings, click_rng)
    for query_id, entry, num_sessions in zip(query_ids, asked, sessions):
        if splits[query_id] != "test":
            counts = click_counts(world, entry.need, search.rank(entry, click_rng),
                                  int(num_sessions), settings, click_rng)
            clicks += [Click(query_id, product_ids[index], float(count))
                       for index, count in counts.items()]
        if splits[query_id] != "train":
            graded = grades(world, entry.need)
            judgments += [Judgment(query_id, product_ids[index], int(graded[index]))
                          for index in np.flatnonzero(graded)]
    return Shop(
        products=products,
        queries=tuple(Query(query_id, entry.text) for query_id, entry in zip(query_ids, asked)),
        clicks=tuple(clicks),
        judgments=tuple(judgments),
        splits=splits,
    )


def _split(asked: list[Asked], query_ids: list[str], num_tune: int,
           num_test: int) -> dict[str, str]:
    keys = [query_key(entry.text) for entry in asked]
    test = hold_out(keys, count=num_test, salt="test")
    tune = hold_out((key for key in keys if key not in test), count=num_tune, salt="tune")
    return {query_id: "test" if key in test else "tune" if key in tune else "train"
            for query_id, key in zip(query_ids, keys)}
