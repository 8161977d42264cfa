"""An explanation names every value, rule and code, and why sets of values were dropped."""

import io
import json

import pytest
from rich.console import Console

from gram_jax.attributes.extract import AttributeExtractor
from gram_jax.attributes.families import Families
from gram_jax.attributes.gazetteer_building import GazetteerSettings, build_gazetteer
from gram_jax.attributes.reading import read_attributes
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.attributes.spelling import Spelling
from gram_jax.attributes.synonyms import Merge, Synonyms
from gram_jax.cli import main
from gram_jax.codes.build import build_codes
from gram_jax.codes.mining_settings import MiningSettings
from gram_jax.core.errors import ArtifactError
from gram_jax.pipeline.explanation import explain_text, explanation_json, explanation_table
from gram_jax.pipeline.workdir import Manifest, Workdir
from gram_jax.testing.tiny_catalog import tiny_shop


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    """A workdir of the tiny shop with its attributes and codes."""
    shop, schema = tiny_shop(), AttributeSchema.load()
    extractor = AttributeExtractor(
        schema, build_gazetteer(shop.products, schema, settings=GazetteerSettings(
            min_value_products=1, min_head_products=1, min_word_products=2)),
        spelling=Spelling({"cordless": 50, "nike": 50, "makita": 50}),
        synonyms=Synonyms((Merge("sneaker", "running shoe", "category"),)),
        families=Families.load())
    queries = shop.queries_of("train") + shop.queries_of("tune")
    attributes = read_attributes(shop.products, queries, extractor)
    codes = build_codes(shop, attributes, settings=MiningSettings(
        min_products=1, min_products_of_detail=1, max_products=2))
    workdir = Workdir(tmp_path_factory.mktemp("workdir"))
    for stage in ("attributes", "codes"):
        folder, _ = workdir.open_unfinished(stage, stage)
        if stage == "attributes":
            extractor.save(folder)
            attributes.save(folder)
        else:
            codes.save(folder, shop.products)
        workdir.finish(stage, folder, Manifest(stage, "", {}, {}, stage, {}, "", 0.0, {}))
    return workdir


def test_values_are_shown_with_their_rules(workdir):
    found = explanation_json(explain_text(workdir, "red Nkie sneakers"))
    by_surface = {finding["surface"]: finding for finding in found["findings"]}
    assert by_surface["nkie"]["values"] == [{"type": "brand", "value": "nike", "rules": [
        {"rule": "spelling", "before": "nkie", "after": "nike"}]}]
    assert by_surface["sneakers"]["normal_form"] == "sneaker"
    assert by_surface["sneakers"]["values"][0] == {
        "type": "category", "value": "running shoe",
        "rules": [{"rule": "synonym", "before": "sneaker", "after": "running shoe"}]}
    assert {"type": "color", "value": "red"} in found["values"]


def test_codes_and_dropped_sets_are_of_the_texts_values_and_agree_with_the_table(workdir):
    explained = explain_text(workdir, "cordless makita drill")
    values = {value for _, value in explained.values}
    made = [code for code in explained.codes if code.made]
    assert made and len(made) < len(explained.codes)
    for code in explained.codes:
        assert set(code.code.split(" | ")) <= values and code.reason
        assert (code.products_of_code > 0) == code.made
    assert {code.made for code in explained.codes[:len(made)]} == {True}
    assert any(code.train_queries for code in made)
    (drill,) = [code for code in explained.codes if code.code == "drill"]
    assert (drill.fate, drill.products_with_values) == ("too_many_products", 3)


def test_values_that_no_product_holds_are_said(workdir):
    assert explain_text(workdir, "999 in drill").unknown_values == ("999 in",)


@pytest.mark.parametrize("text", ["", "?!", "zzz", "🏃 [bold]", "قميص", "nike " * 3000])
def test_any_text_is_explained(workdir, text):
    stream = io.StringIO()
    explanation_table(explain_text(workdir, text), Console(file=stream, width=200))
    assert stream.getvalue()


def test_the_command_prints_a_table_or_json(workdir, capsys):
    assert main(["explain-code", f"--workdir={workdir.path}", "--json", "nike sneaker"]) == 0
    assert json.loads(capsys.readouterr().out)["text"] == "nike sneaker"
    assert main(["explain-code", f"--workdir={workdir.path}", "nike sneaker"]) == 0
    shown = capsys.readouterr().out
    assert "synonym" in shown and "running shoe" in shown


def test_a_workdir_without_codes_says_what_to_run(tmp_path):
    with pytest.raises(ArtifactError, match="gram attributes"):
        explain_text(Workdir(tmp_path), "nike")
