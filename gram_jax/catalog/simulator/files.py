"""A simulated shop too large to hold as records, as the files that a user's own shop would be.

Products are those that `simulate_shop` makes of the same seed and number; queries are asked and
clicked in blocks with seeds of their own, so that blocks can be made anywhere and in any order.
Nothing is held out here: `read_own_shop` does that.
"""

import csv
import dataclasses
import functools
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gram_jax.catalog.simulator.clicks import ShopSearch, click_counts, session_counts
from gram_jax.catalog.simulator.lexicon import load_lexicon
from gram_jax.catalog.simulator.products import World, make_world
from gram_jax.catalog.simulator.sellers import write_products
from gram_jax.catalog.simulator.settings import SimulatorSettings
from gram_jax.catalog.simulator.shoppers import Asked, ask
from gram_jax.core.atomic import atomic_directory
from gram_jax.core.parallel import MapShards, map_here

_BLOCK_SIZE = 4096  # queries; a part of what the seed means


@dataclasses.dataclass(frozen=True)
class _Block:
    """Neighbouring queries and all that decides their clicks."""

    asked: list[Asked]
    sessions: np.ndarray  # int [queries]
    seed: np.random.SeedSequence


def write_simulated_files(folder: str | Path, *, seed: int = 0, num_products: int,
                          num_queries: int, settings: SimulatorSettings | None = None,
                          map_shards: MapShards = map_here) -> int:
    """Writes products.jsonl.gz (product_id, title, attributes) and clicks.tsv (query, product_id,
    weight), a row for each product that was clicked for a query; replaces `folder` as a whole.

    Args:
      folder: appears when both files are complete.
      seed: of everything random.
      num_products: size of the catalogue.
      num_queries: queries of different texts; all have clicks.
      settings: how shoppers and sellers behave.
      map_shards: where blocks of queries are worked on.

    Returns:
      The number of rows of clicks.

    Raises:
      ValueError: the products are too few for so many queries.
    """
    settings, lexicon = settings or SimulatorSettings(), load_lexicon()
    seeds = np.random.SeedSequence(seed).spawn(4)
    world_rng, seller_rng, shopper_rng, session_rng = map(np.random.default_rng, seeds)
    world = make_world(lexicon, num_products, settings, world_rng)
    with atomic_directory(folder) as fresh:
        product_ids = tuple(f"p{index:06d}" for index in range(num_products))
        search = ShopSearch(world, _written(fresh / "products.jsonl.gz", write_products(
            world, product_ids, lexicon, settings, seller_rng)), settings)
        asked = ask(world, lexicon, num_queries, settings, shopper_rng)
        sessions = session_counts(num_queries, settings, session_rng)
        starts = range(0, num_queries, _BLOCK_SIZE)
        blocks = (_Block(asked[start:start + _BLOCK_SIZE], sessions[start:start + _BLOCK_SIZE],
                         block_seed) for start, block_seed in zip(starts, seeds[3].spawn(
                             len(starts))))
        # The names of values stay here: blocks need only the numbers.
        work = functools.partial(_click_rows, dataclasses.replace(world, values=()), search,
                                 settings)
        num_rows = 0
        with (fresh / "clicks.tsv").open("w", encoding="utf-8", newline="\n") as stream:
            stream.write("query\tproduct_id\tweight\n")
            for num_written, text in map_shards(work, blocks):
                stream.write(text)
                num_rows += num_written
    return num_rows


def _written(path: Path, products) -> Iterator[str]:
    """Writes products and yields their titles."""
    with gzip.open(path, "wt", compresslevel=1, encoding="utf-8", newline="\n") as stream:
        for product in products:
            stream.write(json.dumps(
                {"product_id": product.product_id, "title": product.title,
                 "attributes": {name: list(values) for name, values in product.attributes.items()}},
                ensure_ascii=False) + "\n")
            yield product.title


def _click_rows(world: World, search: ShopSearch, settings: SimulatorSettings,
                block: _Block) -> tuple[int, str]:
    """The number of rows that a block gives, and the rows as lines."""
    rng, text, num_rows = np.random.default_rng(block.seed), io.StringIO(), 0
    rows = csv.writer(text, delimiter="\t", lineterminator="\n")
    for asked, sessions in zip(block.asked, block.sessions):
        counts = click_counts(world, asked.need, search.rank(asked, rng), int(sessions), settings,
                              rng)
        rows.writerows((asked.text, f"p{product:06d}", count) for product, count in counts.items())
        num_rows += len(counts)
    return num_rows, text.getvalue()
