"""The large simulated shop: the same products, the same files wherever its blocks are made."""

import csv
import functools
import gzip
import json
import re

import numpy as np
import pytest

from gram_jax.catalog.own_shop import read_own_shop
from gram_jax.catalog.simulator import files, simulate_shop
from gram_jax.catalog.simulator.clicks import ShopSearch, grades
from gram_jax.catalog.simulator.files import write_simulated_files
from gram_jax.catalog.simulator.lexicon import load_lexicon
from gram_jax.catalog.simulator.products import make_world
from gram_jax.catalog.simulator.sellers import write_products
from gram_jax.catalog.simulator.settings import SimulatorSettings
from gram_jax.catalog.simulator.shoppers import ask
from gram_jax.core.digest import digest_files

SIZES = {"num_products": 200, "num_queries": 90, "seed": 3}


@pytest.fixture(scope="module", autouse=True)
def small_blocks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "_BLOCK_SIZE", 25)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated") / "files"
    write_simulated_files(folder, **SIZES)
    return folder


def test_products_are_those_of_the_shop_in_memory(folder):
    with gzip.open(folder / "products.jsonl.gz", "rt", encoding="utf-8") as stream:
        rows = [json.loads(line) for line in stream]
    expected = simulate_shop(**SIZES, num_tune_queries=5, num_test_queries=5).products
    assert [(row["product_id"], row["title"], row["attributes"]) for row in rows] == [
        (product.product_id, product.title,
         {name: list(values) for name, values in product.attributes.items()})
        for product in expected]


def test_the_order_in_which_blocks_are_made_does_not_matter(folder, tmp_path):
    def backwards(function, shards):
        return reversed([function(shard) for shard in reversed(list(shards))])

    num_rows = write_simulated_files(tmp_path / "again", **SIZES, map_shards=backwards)
    assert digest_files(tmp_path / "again" / "clicks.tsv") == digest_files(folder / "clicks.tsv")
    with (folder / "clicks.tsv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    assert len(rows) == num_rows == len({(row["query"], row["product_id"]) for row in rows})
    assert len({row["query"] for row in rows}) == SIZES["num_queries"]


def test_the_files_are_a_shop_of_ones_own(folder):
    shop = read_own_shop(folder / "products.jsonl.gz", folder / "clicks.tsv")
    assert len(shop.products) == 200 and len(shop.queries) == 90 and not shop.dropped_rows


def test_search_ranks_as_a_full_sort_would():
    """The whole catalogue scored, a department of it stably sorted, with the same random draws."""
    settings, lexicon = SimulatorSettings(max_rank=20), load_lexicon()
    world = make_world(lexicon, 900, settings, np.random.default_rng(0))
    titles = [product.title for product in write_products(
        world, tuple(map(str, range(900))), lexicon, settings, np.random.default_rng(2))]
    search = ShopSearch(world, titles, settings)
    for asked in ask(world, lexicon, 60, settings, np.random.default_rng(1)):
        rng = np.random.default_rng(7)
        score = 0.5 * np.log(world.popularity)
        for word in sorted(plain_words(asked.text)):
            score[[word in plain_words(title) for title in titles]] += settings.word_weight
        for place, value in asked.need.named:
            if rng.random() < settings.understood_share:
                score += settings.understood_weight * (world.truth[:, place] == value)
        members = np.flatnonzero(world.department == asked.need.department)
        score = score[members] + rng.gumbel(0.0, 0.5, len(members))
        best = members[np.argsort(-score, kind="stable")[:20]]
        shown = search.rank(asked, np.random.default_rng(7))
        np.testing.assert_array_equal(shown, best)
        np.testing.assert_array_equal(grades(world, asked.need, shown),
                                      grades(world, asked.need)[shown])


@functools.cache
def plain_words(text: str) -> set[str]:
    return {word.rstrip("s") or word for word in re.findall(r"[^\W_]+", text.lower())}
