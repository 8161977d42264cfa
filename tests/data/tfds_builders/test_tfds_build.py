"""`tfds build` makes the tables of each shop from official files, and refuses as `prepare` does.

The command is TFDS' own, run as a program: `tfds build` where the extra `tfds` of pyproject.toml is
installed, else its subcommand `build` alone, as `python -m gram_jax.data.tfds_builders`.
"""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from gram_jax.catalog.datasets.esci import read_esci
from gram_jax.testing.official_files import (
    write_esci,
    write_home_depot_kaggle,
    write_icecat,
    write_wands,
)

if importlib.util.find_spec("importlib_resources") is None:
    pytest.skip("tensorflow-datasets cannot make builders without the package "
                "importlib_resources", allow_module_level=True)

ROOT = Path(__file__).resolve().parents[3]
BUILDERS = "gram_jax/data/tfds_builders"
WHOLE_COMMAND = all(importlib.util.find_spec(name) for name in ("apache_beam", "mlcroissant"))


def tfds_build(*arguments) -> subprocess.CompletedProcess:
    """Runs `tfds build` from the checkout."""
    command = (["-m", "tensorflow_datasets.scripts.cli.main", "build"] if WHOLE_COMMAND
               else ["-m", "gram_jax.data.tfds_builders"])
    return subprocess.run([sys.executable, *command, *map(str, arguments)], cwd=ROOT,
                          capture_output=True, text=True, timeout=240)


def unverified(name: str, table: str, **fields) -> str:
    config = {"name": name, "table": table, "verify_checksums": False} | fields
    return "--config=" + json.dumps(config)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("official")
    return {"esci": write_esci(folder / "esci"), "wands": write_wands(folder / "wands"),
            "kaggle": write_home_depot_kaggle(folder / "kaggle"),
            "icecat": write_icecat(folder / "icecat"), "data": folder / "tfds"}


def test_the_command_builds_a_table_that_tfds_loads(folders):
    done = tfds_build(f"{BUILDERS}/esci.py", f"--manual_dir={folders['esci']}",
                      f"--data_dir={folders['data']}",
                      unverified("small_judgments", "judgments"))
    assert done.returncode == 0, done.stderr[-3000:]
    import tensorflow_datasets as tfds

    builder = tfds.builder_from_directory(
        folders["data"] / "esci" / "small_judgments" / "1.0.0")
    assert set(builder.info.splits) == {"tune", "test"} and "reddy2022" in builder.info.citation
    found: dict[str, dict[str, int]] = {}
    for row in tfds.as_numpy(builder.as_dataset(split="test")):
        found.setdefault(row["query_id"].decode(), {})[row["product_id"].decode()] = row["grade"]
    assert found == read_esci(folders["esci"], verify_checksums=False).qrels("test")


def test_the_command_refuses_what_prepare_refuses_and_leaves_nothing(folders, tmp_path):
    done = tfds_build(f"{BUILDERS}/wands.py", f"--manual_dir={folders['wands']}",
                      f"--data_dir={tmp_path / 'tfds'}", "--config=products")
    assert done.returncode != 0
    assert "this is not the published file" in done.stderr and "Remedy:" in done.stderr
    assert not list((tmp_path / "tfds").rglob("*tfrecord*"))


@pytest.fixture
def build(tmp_path):
    """(module, class, folder, config) -> split -> rows, through the builder's Python interface."""
    import tensorflow_datasets as tfds

    def build(module, name, folder, **config):
        builders = importlib.import_module(f"gram_jax.data.tfds_builders.{module}")
        builder_class = getattr(builders, name)
        config = builder_class.builder_config_cls(name=f"small_{config['table']}", **config)
        builder = builder_class(config=config, data_dir=tmp_path / "data")
        builder.download_and_prepare(
            download_config=tfds.download.DownloadConfig(manual_dir=folder))
        assert builder.info.homepage is not None and builder.info.redistribution_info
        return {split: list(tfds.as_numpy(builder.as_dataset(split=split)))
                for split in builder.info.splits}

    return build


@pytest.mark.parametrize("module, name, folder, splits", [
    ("wands", "Wands", "wands", {"train", "tune", "test"}),
    ("home_depot_kaggle", "HomeDepotKaggle", "kaggle", {"tune", "test"}),
])
def test_the_default_tables(build, folders, module, name, folder, splits):
    def table(table):
        return build(module, name, folders[folder], table=table, verify_checksums=False)

    product = table("products")["catalogue"][0]
    assert product["product_id"] and product["title"] and len(product["attributes"]["name"])
    queries = table("queries")
    assert splits <= set(queries) | {"train"}
    ids = {split: {row["query_id"] for row in rows} for split, rows in queries.items()}
    for split, rows in table("clicks").items():
        assert split != "test" and {row["query_id"] for row in rows} <= ids[split]
    judgments = table("judgments")
    assert set(judgments) <= {"tune", "test"}
    assert {row["grade"] for rows in judgments.values() for row in rows} <= {0, 1, 2, 3}


def test_esci_queries_say_how_they_were_sampled_and_queryner_labels_come_along(build, folders):
    rows = build("esci", "Esci", folders["esci"], table="queries", verify_checksums=False)
    assert {row["text"].decode() for row in rows["test"]} == {"running shoe", "trail"}
    assert {row["source"] for split in rows.values() for row in split} == {4}  # 'other'
    labels = build("esci", "Esci", folders["esci"], table="queryner", verify_checksums=False)
    assert set(labels) == {"train", "dev", "test"}
    assert [word.decode() for word in labels["train"][0]["words"]] == ["red", "shoe"]
    assert len(labels["train"][0]["labels"]) == 2


def test_icecat_has_products_and_rated_queries(build, folders):
    products = build("icecat", "Icecat", folders["icecat"], table="products",
                     verify_checksums=False)
    assert len(products["catalogue"]) == 8
    queries = build("icecat", "Icecat", folders["icecat"], table="queries",
                    verify_checksums=False)
    assert [row["text"] for row in queries["test"]] == [b"thin laptop"]


def test_the_simulated_shop_and_an_own_one_are_the_same_tables(build, tmp_path):
    from gram_jax.catalog.shop import write_shop
    from gram_jax.catalog.simulator import simulate_shop

    sizes = {"num_products": 600, "num_queries": 60}
    write_shop(simulate_shop(seed=3, **sizes), tmp_path / "shop")

    def key(row):
        return row["query_id"], row["product_id"]

    simulated = build("simulated_shop", "SimulatedShop", None, table="clicks", seed=3, **sizes)
    own = build("own_shop", "OwnShop", tmp_path / "shop", table="clicks")
    assert set(own) == set(simulated) == {"train", "tune"}
    for split in own:
        assert sorted(own[split], key=key) == sorted(simulated[split], key=key)


def test_a_missing_file_says_what_to_fetch(build, tmp_path_factory):
    from gram_jax.core.errors import InputError

    folder = tmp_path_factory.mktemp("empty")
    (folder / "something").touch()  # TFDS itself refuses an empty folder
    for module, name, said in (("esci", "Esci", "github.com/amazon-science/esci-data"),
                               ("home_depot_kaggle", "HomeDepotKaggle", "kaggle.com"),
                               ("home_depot", "HomeDepot", "home_depot_kaggle.gin")):
        with pytest.raises(InputError) as caught:
            build(module, name, folder, table="products")
        assert said in caught.value.remedy
