"""The page is whole, stands alone, shows every figure, and lets no text through as markup."""

import dataclasses
import re
from html.parser import HTMLParser

import pytest

from gram_jax.core.runs import RankedList, Run
from gram_jax.evaluation.comparison.compare import MethodCosts, SamplingSettings, compare_runs
from gram_jax.evaluation.comparison.disagreements import Shelf
from gram_jax.evaluation.comparison.page import comparison_page

VOID = {"meta", "input", "br"}
EVIL = '<script>alert("1")</script>&\'"'


class Reading(HTMLParser):
    """Tags that are opened and closed in order, and what lies between them."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.attributes, self.texts = [], [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.texts.append(data)


@pytest.fixture(scope="module")
def page(comparison):
    return comparison_page(comparison, title="Five methods", subtitle="1,200 products")


def test_tags_are_balanced_and_ids_are_there_once(page):
    read = Reading(page)
    assert read.open == []
    ids = [value for name, value in read.attributes if name == "id"]
    assert len(set(ids)) == len(ids)
    assert {value[1:] for name, value in read.attributes if name == "href"} <= set(ids)
    assert {value for name, value in read.attributes if name == "for"} <= set(ids)


def test_it_stands_alone(page):
    read = Reading(page)
    assert not {"script", "link", "img", "iframe", "object", "embed", "use"} & set(read.tags)
    assert not re.search(r"https?://|url\(|@import|\bsrc=", page)
    assert all(value.startswith("#") for name, value in read.attributes if name == "href")


def test_every_figure_method_slice_and_example_is_shown(page, comparison):
    text = " ".join(Reading(page).texts)
    for mean in comparison.means.ravel():
        assert f"{mean:.4f}" in text
    for family in comparison.slices:
        for part in (family.name, *family.slices):
            assert part in text
    for found in comparison.disagreements:
        for example in found.gains + found.losses:
            assert example.text in text
            for product in example.products + example.baseline_products:
                assert product.title in text
    for part in ("Five methods", "1,200 products", "k1 0.9, b 0.4", "1.23%", "found by brand 0"):
        assert part in text


def test_each_tab_has_its_panel_and_one_of_them_is_chosen(page, comparison):
    groups = re.findall(r'<div class="tabs">(?:<input[^>]*><label[^>]*>[^<]*</label>)+', page)
    assert len(groups) == 5
    for group in groups:
        assert group.count("checked") == 1
    assert page.count('<div class="panel">') == page.count('type="radio"')
    most = max(group.count("<input") for group in groups)
    assert f"input:nth-of-type({most}):checked~.panel:nth-of-type({most})" in page


def test_no_text_becomes_markup():
    qrels = {"q": {"p": 3}}
    runs = [Run(name, (RankedList("q", (product,), (1.0,), (EVIL,)),))
            for name, product in (("base" + EVIL, "p"), ("other" + EVIL, "x"))]
    comparison = compare_runs(
        runs, qrels, shelf=Shelf({"q": EVIL}, {"p": EVIL, "x": EVIL}),
        costs={"base" + EVIL: MethodCosts(1.0, note=EVIL),
               "other" + EVIL: MethodCosts(2.0)}, settings=SamplingSettings(num_draws=10))
    page = comparison_page(comparison, title=EVIL, subtitle=EVIL)
    read = Reading(page)
    assert "script" not in read.tags
    assert read.open == []
    assert "".join(read.texts).count(EVIL) >= 8


@pytest.mark.parametrize("found", [
    Run("only", ()), Run("only", (RankedList("q", ("p",), (1.0,)),))])
def test_one_method_alone_has_a_page(found):
    comparison = compare_runs([found], {"q": {"p": 2}}, settings=SamplingSettings(num_draws=10))
    read = Reading(comparison_page(comparison))
    assert read.open == []
    assert "Every pair, tested" not in read.texts


def test_without_examples_there_is_no_such_section(comparison):
    bare = dataclasses.replace(comparison, disagreements=())
    assert "Where they differ most" not in Reading(comparison_page(bare)).texts


def test_more_methods_than_colours_have_a_page():
    qrels = {f"q{at}": {"p": 2} for at in range(4)}
    runs = [Run(f"method {at}", (RankedList(f"q{at % 4}", ("p",), (1.0,)),)) for at in range(13)]
    comparison = compare_runs(runs, qrels, settings=SamplingSettings(num_draws=10))
    read = Reading(comparison_page(comparison))
    assert read.open == []
    assert {"method 0", "method 12"} <= set(read.texts)
