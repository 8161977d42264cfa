"""Every gin file that ships can be used, and what a stage depends on is found."""

import re
from pathlib import Path

import gin
import pytest

from gram_jax.core.errors import ConfigError
from gram_jax.pipeline.configurables import CONFIGURABLES, register
from gram_jax.pipeline.settings import load_settings, settings_of
from gram_jax.pipeline.stages import STAGES

ROOT = Path(__file__).resolve().parents[2]
QUICKSTART = "gin/experiments/quickstart.gin"
OWN = "gin/experiments/own_catalog.gin"


@pytest.fixture(autouse=True)
def registered():
    register()
    yield
    with gin.unlock_config():
        gin.clear_config()


def load(gin_files: list[str], overrides: list[str]) -> None:
    load_settings(gin_files, overrides, configurables=CONFIGURABLES)


def all_settings() -> dict[str, str]:
    return {name: value for stage in STAGES if stage.wanted
            for name, value in settings_of(*stage.configurables).items()}


def test_a_file_found_where_gin_ships_is_no_error(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    load([QUICKSTART], [])
    assert all_settings()["NUM_STEPS"] == "600"
    assert not caplog.records


@pytest.mark.parametrize("file", sorted(
    str(path.relative_to(ROOT)) for path in (ROOT / "gin" / "experiments").glob("*.gin")
    if "pulse" not in path.name and path.name != "tagger.gin"))
def test_every_experiment_gives_every_stage_what_it_requires(file):
    # What only a user can say: where the files are.
    required = re.findall(r"^(\w+) = %gin.REQUIRED", (ROOT / file).read_text(), re.MULTILINE)
    load([file], [f"{name}=somewhere" for name in required])
    assert {"NUM_STEPS", "ModelConfig.d_model"} <= {name.split("gram_jax.")[-1]
                                                    for name in all_settings()}


def test_the_taggers_experiment_has_its_stage_alone():
    load(["gin/experiments/tagger.gin"], ["ANNOTATIONS=somewhere", "TEST_ANNOTATIONS=somewhere"])
    assert settings_of("train_tagger")
    with pytest.raises(ConfigError, match="read_shop must be set"):
        settings_of("prepare")


@pytest.mark.parametrize("folder", ["models", "meshes"])
def test_every_size_and_mesh_can_stand_in_an_experiment(folder):
    files = sorted((ROOT / "gin" / folder).glob("*.gin"))
    assert files
    for file in files:
        load([QUICKSTART, str(file.relative_to(ROOT))], [])
        assert all_settings()


def test_later_files_and_overrides_win_and_reach_what_refers_to_them():
    load([QUICKSTART, "gin/experiments/quickstart_pulse.gin"], ["NUM_STEPS=7"])
    found = all_settings()
    assert found["NUM_STEPS"] == "7" and found["VOCAB_SIZE"] == "1024"


def test_a_stage_depends_on_its_own_settings_only():
    load([QUICKSTART], [])
    before = {stage.name: settings_of(*stage.configurables) for stage in STAGES if stage.wanted}
    load([QUICKSTART], ["BEAM_SIZE=17", "MiningSettings.max_products=50"])
    after = {stage.name: settings_of(*stage.configurables) for stage in STAGES if stage.wanted}
    assert [name for name in before if before[name] != after[name]] == ["codes", "index"]


def test_a_file_stands_for_its_content(tmp_path):
    products = tmp_path / "products.csv"
    products.write_text("product_id,title\n1,a\n")
    load([OWN], [f"PRODUCTS={products}"])
    first = settings_of("prepare")
    products.write_text("product_id,title\n1,b\n")
    assert settings_of("prepare") != first


def test_signs_of_gin_in_a_users_words_are_words():
    columns = "{'title': 'name@home', 'product_id': '%id'}"
    load([OWN], ["PRODUCTS=shop@50%off.csv", f"read_own_shop.product_columns={columns}"])
    found = settings_of("prepare")
    assert found["PRODUCTS"] == "'shop@50%off.csv'"
    assert "'name@home'" in found["read_own_shop.product_columns"]


def test_words_need_no_quotes_and_numbers_stay_numbers():
    load([OWN], ["PRODUCTS=my file.csv", "CLICKS=None", "BATCH_SIZE=3"])
    found = all_settings()
    assert (found["PRODUCTS"], found["CLICKS"], found["BATCH_SIZE"]) == (
        "'my file.csv'", "None", "3")


@pytest.mark.parametrize(("override", "said"), [
    ("PRODUCT=x", "Did you mean PRODUCTS"),
    ("MiningSetings.max_products=3", "Did you mean MiningSettings"),
    ("MiningSettings.max_product=3", "Did you mean max_products"),
    ("SEED", "has no value"),
])
def test_what_is_close_is_named(override, said):
    with pytest.raises(ConfigError, match=said):
        load([OWN], [override])


def test_what_must_be_set_is_named():
    with pytest.raises(ConfigError, match="PRODUCTS must be set"):
        load([OWN], [])
    with pytest.raises(ConfigError, match=r"build_index\.search must be set"):
        load([QUICKSTART], ["build_index.search=%gin.REQUIRED"])
    load(["gin/runs/gram.gin"], [])
    with pytest.raises(ConfigError, match=r"prepare\.read_shop must be set"):
        settings_of("prepare")


def test_the_names_offered_are_those_gin_knows():
    for name in CONFIGURABLES:
        assert gin.get_configurable(name) is not None
