"""Annotated files: read in every form they come in, refused with place and remedy where bad."""

import json

import pytest

from gram_jax.attributes.text_spans import TextSpan
from gram_jax.core.errors import ConfigError, InputError
from gram_jax.data.annotation_files import read_annotated_titles, read_query_ner
from gram_jax.testing.row_files import write_rows

TITLE = {"id": "1", "source": "oa-mine", "title": "Crocs Women's Jayna Flat, Navy",
         "attributes": {"Brand": ["Crocs"], "Color": ["Navy"], "Model name": ["Kim"]}}


def titles(tmp_path, *rows):
    return write_rows(tmp_path / "titles.jsonl.gz", list(rows))


def test_titles_have_spans_and_keep_what_they_do_not_spell(tmp_path):
    [text] = read_annotated_titles(titles(tmp_path, TITLE))
    assert text.source == "oa-mine" and text.text_id == "1"
    assert text.spans == (TextSpan(0, 5, "brand"), TextSpan(26, 30, "color"))
    assert text.unseen == {("model", "kim")}


def test_names_that_mean_no_type_are_left_out(tmp_path):
    row = {"id": "2", "source": "wdc_pave", "title": "UPC 0123", "attributes":
           {"Retail UPC": ["0123"]}}
    [text] = read_annotated_titles(titles(tmp_path, row))
    assert not text.spans and not text.values


@pytest.mark.parametrize(("change", "message"), [
    ({"source": "nobody"}, "line 2: .*nobody.*\n.*Remedy: .*source_fields"),
    ({"attributes": {"Colour of money": ["x"]}}, "line 2: .*no attribute called"),
    ({"attributes": ["x"]}, "line 2: attributes is"),
    ({"title": " "}, "line 2: title is empty"),
    ({"id": "1"}, "line 2: id '1' was in line 1"),
])
def test_a_bad_title_is_refused_with_its_line(tmp_path, change, message):
    path = titles(tmp_path, TITLE, TITLE | {"id": "2"} | change)
    with pytest.raises(InputError, match=message):
        read_annotated_titles(path)
    assert len(read_annotated_titles(path, on_bad_rows="skip")) == 1


def test_a_file_without_a_good_row_is_refused(tmp_path):
    path = titles(tmp_path, TITLE | {"source": "nobody"})
    with pytest.raises(InputError, match="no row is left"):
        read_annotated_titles(path, on_bad_rows="skip")
    with pytest.raises(InputError, match="no such file"):
        read_annotated_titles(tmp_path / "none.jsonl")
    with pytest.raises(ConfigError, match="on_bad_rows"):
        read_annotated_titles(path, on_bad_rows="ignore")


TOKENS = ["red", "air", "max", "shoe"]
LABELS = ["B-color", "B-product_name", "I-product_name", "B-core_product_type"]


def as_conll(tmp_path):
    path = tmp_path / "train.txt"
    lines = "".join(f"{token}\t{label}\n" for token, label in zip(TOKENS, LABELS))
    path.write_text(f"\n{lines}\n{lines}")
    return read_query_ner(path)


def as_tokens(tmp_path):
    row = {"tokens": TOKENS, "ner_tags": LABELS}
    return read_query_ner(write_rows(tmp_path / "train.jsonl", [row, row]))


def as_offsets(tmp_path):
    rows = [{"example_id": number, "labels": LABELS} for number in (7, 8)]
    queries = dict.fromkeys(["7", "8"], " ".join(TOKENS))
    return read_query_ner(write_rows(tmp_path / "train.jsonl", rows), queries=queries)


@pytest.mark.parametrize("read", [as_conll, as_tokens, as_offsets])
def test_queryner_reads_alike_in_every_form(tmp_path, read):
    first, second = read(tmp_path)
    assert first.text == "red air max shoe" and first.source == "queryner"
    assert first.spans == second.spans == (
        TextSpan(0, 3, "color"), TextSpan(4, 11, "series"), TextSpan(12, 16, "category"))
    assert first.text_id != second.text_id


@pytest.mark.parametrize(("content", "message"), [
    ("red\tB-color\nair\tI-product_name\n", "line 1: .*follows"),
    ("red\tB-color\n\nred B-color\n", "line 3: the line is"),
    ("red\tcolor\n", "is no label"),
    ("red\tB-hue\n", "no attribute called 'hue'"),
])
def test_a_bad_query_is_refused_with_its_line(tmp_path, content, message):
    path = tmp_path / "train.txt"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        read_query_ner(path)


@pytest.mark.parametrize(("row", "message"), [
    ({"tokens": TOKENS, "labels": LABELS[:2]}, "4 tokens and 2 labels"),
    ({"tokens": TOKENS, "labels": [1, 2, 3, 4]}, "not a list of texts"),
    ({"tokens": TOKENS, "classes": LABELS}, "none of labels"),
    ({"example_id": 9, "labels": LABELS}, "no query is known.*\n.*ESCI"),
])
def test_a_bad_row_is_refused_with_its_line(tmp_path, row, message):
    path = tmp_path / "train.jsonl"
    path.write_text(json.dumps(row) + "\n")
    with pytest.raises(InputError, match=rf"line 1: .*{message}"):
        read_query_ner(path)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "train.txt"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="not UTF-8"):
        read_query_ner(path)
