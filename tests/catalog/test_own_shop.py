"""A user's own files: what is bad is refused at its line or dropped exactly; splits do not leak."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gram_jax.catalog.own_shop import read_own_shop
from gram_jax.catalog.shop import read_shop, write_shop
from gram_jax.catalog.splits import query_key
from gram_jax.core.errors import ConfigError, InputError
from gram_jax.core.records import Product
from gram_jax.testing.row_files import FORMATS, write_rows

PRODUCTS = [{"product_id": f"p{index}", "title": f"shoe {index}", "color": "red"}
            for index in range(5)]
CLICKS = [{"query": f"query {index}", "product_id": f"p{index % 5}"} for index in range(60)]

BAD_PRODUCTS = {
    '{"title": "x"}': "missing product_id",
    '{"product_id": "x"}': "missing title",
    '{"product_id": "x", "title": null}': "missing title",
    '{"product_id": "x", "title": "  "}': "empty title",
    '{"product_id": "", "title": "x"}': "empty product_id",
    '{"product_id": "a b", "title": "x"}': "white space in product_id",
    '{"product_id": 1.5, "title": "x"}': "wrong type of product_id",
    '{"product_id": "x", "title": ["x"]}': "wrong type of title",
    '{"product_id": "x", "title": "x", "size": {"a": 1}}': "wrong type of size",
    '{"product_id": "x", "title": "x", "attributes": "red"}': "wrong type of attributes",
    '{"product_id": "p0", "title": "again"}': "duplicate product_id",
    '{"product_id": "x", "title": "\\ud800"}': "not UTF-8",
    '{"product_id": ': "invalid JSON",
    '["x", "x"]': "row is not an object",
}
BAD_CLICKS = {
    '{"query": "q", "product_id": "nix"}': "unknown product_id",
    '{"query": "", "product_id": "p0"}': "empty query",
    '{"query": 5, "product_id": "p0"}': "wrong type of query",
    '{"product_id": "p0"}': "missing query",
    '{"query": "q", "product_id": "p0", "weight": -2}': "wrong weight",
    '{"query": "other", "product_id": "p0", "query_id": "Q"}': "query_id with another text",
}
BAD_JUDGMENTS = {
    '{"query": "q", "product_id": "p0", "grade": 7}': "wrong grade",
    '{"query": "q", "product_id": "p0", "grade": "good"}': "wrong type of grade",
    '{"query": "q", "product_id": "nix", "grade": 1}': "unknown product_id",
    '{"query": "first", "product_id": "p0", "grade": 1}': "two grades for one pair",
    '{"query": "FIRST ", "product_id": "p1", "grade": 1, "split": "train"}': "query in two splits",
    '{"query": "q", "product_id": "p0", "grade": 1, "split": "dev"}': "wrong split",
}


def lines_of(rows) -> list[str]:
    return [json.dumps(row) for row in rows]


def mixed(good: list[str], bad: dict[str, str]):
    """Good lines with bad ones put between them (never before the first, which some repeat)."""
    places = st.tuples(st.integers(1, len(good)), st.sampled_from(sorted(bad)))
    return st.lists(places, min_size=1, max_size=4).map(lambda drawn: _insert(good, drawn))


def _insert(good, drawn):
    lines = list(good)
    for place, line in drawn:
        lines.insert(place, line)
    return lines


def check_both_ways(folder, name, lines, bad, read):
    """Refused at the first bad line; skipped, the same shop as without them and exact counts."""
    path = folder / f"{name}.jsonl"
    path.write_text("\n".join(lines) + "\n")
    faults = [(number, bad[line]) for number, line in enumerate(lines, 1) if line in bad]
    with pytest.raises(InputError) as caught:
        read("refuse")
    assert (caught.value.line, caught.value.path) == (faults[0][0], path)
    assert caught.value.remedy
    skipped = read("skip")
    expected = {}
    for _, reason in faults:
        expected[f"{name}: {reason}"] = expected.get(f"{name}: {reason}", 0) + 1
    assert {reason: count for reason, count in skipped.dropped_rows.items()
            if "on a test query" not in reason} == expected
    path.write_text("\n".join(line for line in lines if line not in bad) + "\n")
    clean = read("refuse")
    assert (clean.products, clean.queries, clean.clicks, clean.judgments) == (
        skipped.products, skipped.queries, skipped.clicks, skipped.judgments)


@given(mixed(lines_of(PRODUCTS), BAD_PRODUCTS))
def test_bad_products(tmp_path_factory, lines):
    folder = tmp_path_factory.mktemp("own")
    write_rows(folder / "clicks.csv", CLICKS)
    check_both_ways(folder, "products", lines, BAD_PRODUCTS, lambda policy: read_own_shop(
        folder / "products.jsonl", folder / "clicks.csv", on_bad_rows=policy))


@given(mixed(['{"query": "named", "product_id": "p0", "query_id": "Q"}', *lines_of(CLICKS)],
             BAD_CLICKS))
def test_bad_clicks(tmp_path_factory, lines):
    folder = tmp_path_factory.mktemp("own")
    write_rows(folder / "products.tsv", PRODUCTS)
    check_both_ways(folder, "clicks", lines, BAD_CLICKS, lambda policy: read_own_shop(
        folder / "products.tsv", folder / "clicks.jsonl", on_bad_rows=policy))


@given(mixed(['{"query": "first", "product_id": "p0", "grade": 3, "split": "test"}',
              '{"query": "second", "product_id": "p1", "grade": 3}'], BAD_JUDGMENTS))
def test_bad_judgments(tmp_path_factory, lines):
    folder = tmp_path_factory.mktemp("own")
    write_rows(folder / "products.parquet", PRODUCTS)
    write_rows(folder / "clicks.csv", CLICKS)
    check_both_ways(folder, "judgments", lines, BAD_JUDGMENTS, lambda policy: read_own_shop(
        folder / "products.parquet", folder / "clicks.csv", folder / "judgments.jsonl",
        on_bad_rows=policy))


@pytest.mark.parametrize("file_format", FORMATS)
def test_every_format_gives_the_same_shop(tmp_path, file_format):
    expected = read_own_shop(write_rows(tmp_path / "products.jsonl", PRODUCTS),
                             write_rows(tmp_path / "clicks.jsonl", CLICKS))
    assert expected == read_own_shop(write_rows(tmp_path / f"p.{file_format}", PRODUCTS),
                                     write_rows(tmp_path / f"c.{file_format}", CLICKS))
    assert expected.products[0] == Product("p0", "shoe 0", {"color": ("red",)})


def test_columns_are_mapped_and_ignored(tmp_path):
    products = [{"sku": row["product_id"], "name": row["title"], "Farbe": "rot", "price": 5}
                for row in PRODUCTS]
    clicks = [{"text": row["query"], "sku": row["product_id"], "n": 2} for row in CLICKS]
    shop = read_own_shop(
        write_rows(tmp_path / "p.csv", products), write_rows(tmp_path / "c.csv", clicks),
        product_columns={"product_id": "sku", "title": "name", "color": "Farbe", "price": None},
        click_columns={"query": "text", "product_id": "sku", "weight": "n"})
    assert shop.products[0] == Product("p0", "shoe 0", {"color": ("rot",)})
    assert {click.weight for click in shop.clicks} == {2.0}


@given(st.lists(st.tuples(st.sampled_from(["A", "a", " b", "b", "c", "d", "e f", "E  F"]),
                          st.integers(0, 4)), min_size=1, max_size=30),
       st.lists(st.tuples(st.sampled_from(["a", "B", "c ", "x"]), st.integers(0, 4)), max_size=6))
def test_held_out_texts_are_never_trained_on(tmp_path_factory, clicked, judged):
    folder = tmp_path_factory.mktemp("own")
    write_rows(folder / "p.jsonl", PRODUCTS)
    write_rows(folder / "c.jsonl", [{"query": f"t{index}", "product_id": "p1"}
                                    for index in range(80)] + [
        {"query": query, "product_id": f"p{index}"} for query, index in clicked])
    judgments = None
    if judged:
        judgments = write_rows(folder / "j.jsonl", [
            {"query": query, "product_id": f"p{index}", "grade": 3} for query, index in judged])
    shop = read_own_shop(folder / "p.jsonl", folder / "c.jsonl", judgments)
    keys = {split: {query_key(query.text) for query in shop.queries_of(split)}
            for split in ("train", "tune", "test")}
    assert not keys["train"] & keys["tune"] and not keys["test"] & (keys["train"] | keys["tune"])
    if judged:
        assert keys["test"] == {query_key(query) for query, _ in judged}
    else:
        total = sum(click.weight for click in shop.clicks)
        assert total + len(shop.qrels("test")) >= 80 and shop.qrels("test")
    assert all(grade == 2 for grades in shop.qrels("tune").values() for grade in grades.values())


def test_judgments_alone_are_split_and_train_on_good_pairs(tmp_path):
    rows = [{"query": f"query {index}", "product_id": f"p{grade}", "grade": grade}
            for index in range(80) for grade in range(4)]
    rows += [{"query": "hopeless", "product_id": "p0", "grade": 1, "split": "test"},
             {"query": "named", "product_id": "p0", "grade": 3, "split": "tune"}]
    shop = read_own_shop(write_rows(tmp_path / "p.csv", PRODUCTS),
                         judgments=write_rows(tmp_path / "j.jsonl", rows))
    names = {query.text: shop.splits[query.query_id] for query in shop.queries}
    assert names["named"] == "tune" and "hopeless" not in names
    assert shop.dropped_rows == {"judgments: query without a relevant product": 1}
    assert {click.product_id for click in shop.clicks_of("train")} == {"p2", "p3"}
    assert all(sorted(grades.values()) == [0, 1, 2, 3] for grades in shop.qrels("test").values())


def test_weights_of_repeated_clicks_add_up(tmp_path):
    rows = CLICKS + [{"query": "Query 0 ", "product_id": "p0", "weight": 2.5}]
    shop = read_own_shop(write_rows(tmp_path / "p.csv", PRODUCTS),
                         write_rows(tmp_path / "c.jsonl", rows), test_share=0.0, tune_share=0.0)
    assert next(click.weight for click in shop.clicks if click.product_id == "p0") == 3.5
    assert len(shop.queries) == 60 and shop.queries_of("test") == ()


def test_products_alone_are_a_shop_without_queries(tmp_path):
    shop = read_own_shop(write_rows(tmp_path / "p.csv", PRODUCTS))
    assert len(shop.products) == len(PRODUCTS)
    assert not shop.queries and not len(shop.clicks) and not len(shop.judgments)


def test_what_cannot_be_trained_or_measured_is_said(tmp_path):
    products = write_rows(tmp_path / "p.csv", PRODUCTS)
    clicks = write_rows(tmp_path / "c.csv", CLICKS[:1])
    with pytest.raises(InputError, match=r"test part|train on"):
        read_own_shop(products, clicks)
    with pytest.raises(ConfigError, match="test_share"):
        read_own_shop(products, clicks, test_share=1.0)
    judgments = write_rows(tmp_path / "j.csv", [
        {"query": "query 0", "product_id": "p0", "grade": 3}])
    with pytest.raises(InputError, match="no pair is left to train on"):
        read_own_shop(products, clicks, judgments)
    with pytest.raises(InputError, match="no row is left"):
        read_own_shop(write_rows(tmp_path / "x.csv", [{"product_id": "1", "title": ""}]), clicks,
                      on_bad_rows="skip")


odd_texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20) \
    | st.sampled_from(["مصباح أحمر", "👩‍👩‍👧 lamp", "נעל 'ריצה' \"5", "a, b\tc", "x" * 10_000])
odd_fields = st.dictionaries(odd_texts, st.lists(odd_texts, max_size=3), max_size=3) \
    | st.just({f"field {number}": [f"value {number}"] for number in range(500)})


@settings(max_examples=30)
@given(st.lists(st.tuples(odd_texts, odd_fields, odd_texts), min_size=1, max_size=5))
def test_any_text_reaches_the_shop_on_disk(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("own")
    rows = [(title, fields, query) for title, fields, query in rows
            if title.strip() and query.strip()] or [("a", {}, "b")]
    products = [{"product_id": f"p{place}", "title": title, "attributes": fields}
                for place, (title, fields, _) in enumerate(rows)]
    clicks = [{"query": query, "product_id": f"p{place}"}
              for place, (_, _, query) in enumerate(rows)]
    read = read_own_shop(write_rows(folder / "p.jsonl", products),
                         write_rows(folder / "c.tsv", clicks), tune_share=0.0, test_share=0.0)
    write_shop(read, folder / "shop")
    shop = read_shop(folder / "shop")
    assert shop == read and shop.counts()["products"] == len(rows)
    assert [product.title for product in shop.products] == [title.strip() for title, _, _ in rows]
    assert [{name: list(values) for name, values in product.attributes.items()}
            for product in shop.products] == [stripped(fields) for _, fields, _ in rows]
    text_of = {query.query_id: query.text for query in shop.queries}
    assert {(query_key(text_of[click.query_id]), click.product_id) for click in shop.clicks} == {
        (query_key(query), f"p{place}") for place, (_, _, query) in enumerate(rows)}


def stripped(fields):
    clean = {name: list(dict.fromkeys(value.strip() for value in values if value.strip()))
             for name, values in fields.items()}
    return {name: values for name, values in clean.items() if values}
