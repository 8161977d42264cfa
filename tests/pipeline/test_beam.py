"""Apache Beam's direct runner gives the artifacts that one process gives, to the byte."""

import sys
from pathlib import Path

import gin
import pytest

from gram_jax.attributes import shards
from gram_jax.attributes.reading import learn_extractor, read_attributes
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.catalog.shop import Shop, read_shop, write_shop
from gram_jax.catalog.simulator import simulate_shop
from gram_jax.codes import subsets
from gram_jax.codes.build import build_codes
from gram_jax.codes.mining_settings import MiningSettings
from gram_jax.core.digest import digest_files
from gram_jax.core.errors import ConfigError
from gram_jax.core.parallel import MapShards, map_here
from gram_jax.pipeline.beam import map_on_beam
from gram_jax.pipeline.configurables import CONFIGURABLES, register
from gram_jax.pipeline.settings import load_settings, settings_of


def build(folder: Path, shop: Shop, map_shards: MapShards) -> str:
    """Attributes and codes of a shop, as the stages write them; their digest."""
    train = shop.queries_of("train")
    extractor = learn_extractor(shop.products, train, schema=AttributeSchema.load(),
                                map_shards=map_shards)
    attributes = read_attributes(shop.products, (*train, *shop.queries_of("tune")), extractor,
                                 map_shards=map_shards)
    extractor.save(folder)
    attributes.save(folder)
    build_codes(shop, attributes, settings=MiningSettings(min_products=3),
                map_shards=map_shards).save(folder, shop.products)
    return digest_files(folder)


def test_beam_leaves_what_one_process_leaves(tmp_path, monkeypatch):
    pytest.importorskip("apache_beam", reason="pip install gram-jax[beam]")
    monkeypatch.setattr(shards, "SHARD_SIZE", 90)
    monkeypatch.setattr(subsets, "_BAGS_A_SHARD", 300)
    monkeypatch.setattr(subsets, "_SUBSETS_A_SHARD", 500)
    write_shop(simulate_shop(num_products=300, num_queries=200, num_tune_queries=20,
                             num_test_queries=20), tmp_path / "shop")
    shop = read_shop(tmp_path / "shop")
    with map_on_beam() as map_shards:
        assert list(map_shards(str, [])) == []
        on_beam = build(tmp_path / "beam", shop, map_shards)
    assert on_beam == build(tmp_path / "here", shop, map_here)


def test_without_beam_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    with pytest.raises(ConfigError, match=r"gram-jax\[beam\]"), map_on_beam():
        pass


def test_gin_chooses_where_shards_run():
    """A stage is given the place as a function, with its settings bound."""
    register()
    load_settings(["gin/experiments/quickstart.gin"], [
        "read_attributes.map_shards=@map_in_processes", "map_in_processes.num_processes=1",
        "build_codes.map_shards=@map_on_beam", "map_on_beam.folder=there",
    ], configurables=CONFIGURABLES)
    assert settings_of("read_attributes")["map_in_processes.num_processes"] == "1"
    assert settings_of("build_codes")["map_on_beam.folder"] == "'there'"
    with gin.query_parameter("read_attributes.map_shards").scoped_configurable_fn() as map_shards:
        assert map_shards is map_here
