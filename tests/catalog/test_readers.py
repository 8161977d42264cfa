"""Rows come out as they were written, whatever the format; faults name their line."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.catalog.readers import read_rows
from gram_jax.core.errors import InputError
from gram_jax.testing.row_files import FORMATS, write_rows

every_format = pytest.mark.parametrize("file_format", FORMATS)
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
tables = st.lists(st.fixed_dictionaries({"product_id": texts, "title": texts}), min_size=1,
                  max_size=5)


@given(tables, st.sampled_from(FORMATS))
def test_every_format_gives_back_what_was_written(tmp_path_factory, rows, file_format):
    path = write_rows(tmp_path_factory.mktemp("rows") / f"x.{file_format}", rows)
    read = list(read_rows(path, required=("product_id", "title")))
    assert [row.values for row in read] == rows
    assert all(row.bad is None for row in read)


def test_lines_count_from_the_header_and_through_line_breaks(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text('product_id,title\r\n1,"two\r\nlines"\r\n\r\n2,b\r\n', newline="")
    assert [(row.line, row.values["title"]) for row in read_rows(path)] == [
        (2, "two\r\nlines"), (5, "b")]
    path = tmp_path / "x.jsonl"
    path.write_text('\n{"a": "\u2028"}\r\n\r\n{"a": "c"}', encoding="utf-8", newline="")
    assert [(row.line, row.values["a"]) for row in read_rows(path)] == [(2, "\u2028"), (4, "c")]


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl"])
def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path, name):
    content = {"x.csv": "a,b\n1,2\n", "x.jsonl": '{"a": "1", "b": "2"}\n'}[name]
    path = tmp_path / name
    path.write_bytes(b"\xef\xbb\xbf" + content.encode())
    assert [dict(row.values) for row in read_rows(path, required=("a",))] == [{"a": "1", "b": "2"}]


@every_format
def test_columns_are_renamed_ignored_and_displaced(tmp_path, file_format):
    rows = [{"sku": "1", "name": "n", "title": "t", "price": "9", "color": "red"}]
    path = write_rows(tmp_path / f"x.{file_format}", rows)
    columns = {"product_id": "sku", "title": "name", "price": None}
    assert [dict(row.values) for row in read_rows(path, columns=columns)] == [
        {"product_id": "1", "title": "n", "color": "red"}]


@every_format
def test_a_missing_column_names_the_nearest(tmp_path, file_format):
    path = write_rows(tmp_path / f"x.{file_format}", [{"product_id": "1", "titel": "t"}])
    with pytest.raises(InputError, match="there is no column 'titles' for title") as caught:
        list(read_rows(path, columns={"title": "titles"}))
    assert "Did you mean 'titel'?" in caught.value.remedy


@pytest.mark.parametrize("name", ["x.csv", "x.tsv", "x.parquet", "x.csv.gz"])
def test_a_header_without_a_required_column_is_refused(tmp_path, name):
    path = write_rows(tmp_path / name, [{"product_id": "1", "name": "t"}])
    with pytest.raises(InputError, match="no column 'title' for title") as caught:
        list(read_rows(path, required=("product_id", "title")))
    assert caught.value.line == 1


@pytest.mark.parametrize(("name", "content", "message"), [
    ("x.csv", b"", "no header"),
    ("x.csv", b"a,b\n", "no rows"),
    ("x.csv", b"a,a\n1,2\n", "two columns are called 'a'"),
    ("x.csv", b"a,\xff\n1,2\n", "header cannot be read"),
    ("x.jsonl", b"", "no rows"),
    ("x.jsonl", b"\n\n", "no rows"),
    ("x.jsonl.gz", gzip.compress(b"", mtime=0), "no rows"),
    ("x.jsonl.gz", b'{"a": 1}\n', "cannot be read|damaged"),
    ("x.parquet", b"PAR1 nonsense PAR1", "not readable parquet"),
    ("x.parquet", b"", "not readable parquet"),
    ("x.json", b"[]", "does not say the format"),
    ("x.gz", b"", "does not say the format"),
])
def test_a_file_that_cannot_be_used_is_refused(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        list(read_rows(path))
    assert caught.value.remedy and str(path) in str(caught.value)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        list(read_rows(tmp_path / "x.csv"))


@pytest.mark.parametrize("name", ["x.jsonl.gz", "x.csv.gz"])
def test_a_cut_gzip_file_is_refused_after_its_last_whole_line(tmp_path, name):
    rows = [{"product_id": str(index), "title": "x" * (index % 97)} for index in range(20000)]
    path = write_rows(tmp_path / name, rows)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(InputError, match="cut off or damaged") as caught:
        for _ in read_rows(path):
            pass
    assert 10000 < caught.value.line < 20001


@pytest.mark.parametrize(("name", "lines", "bad_line", "reason"), [
    ("x.jsonl", [b'{"a": 1}', b'{"a": ', b'{"a": 2}'], 2, "invalid JSON"),
    ("x.jsonl", [b'{"a": 1}', b'[1]', b'{"a": 2}'], 2, "row is not an object"),
    ("x.jsonl", [b'{"a": 1}', b'{"a": "\xff"}', b'{"a": 2}'], 2, "not UTF-8"),
    ("x.jsonl", [b'{"a": 1}', b'{"a": "\\ud800"}', b'{"a": 2}'], 2, "not UTF-8"),
    ("x.jsonl", [b'{"a": 1}', b'[' * 100000, b'{"a": 2}'], 2, "invalid JSON"),
    ("x.csv", [b"a,b", b"1,2", b"1,2,3", b"1,2"], 3, "wrong number of fields"),
    ("x.csv", [b"a,b", b"1,2", b"1", b"1,2"], 3, "wrong number of fields"),
    ("x.csv", [b"a,b", b"1,2", b"1,\xe9", b"1,2"], 3, "not UTF-8"),
    ("x.csv", [b"a,b", b"1,2", b'1,"x"y', b"1,2"], 3, "malformed row"),
    ("x.tsv", [b"a\tb", b"1\t2", b'1\t"x', b"1\t2"], 3, "malformed row"),
])
def test_a_bad_row_is_marked_and_the_others_are_read(tmp_path, name, lines, bad_line, reason):
    path = tmp_path / name
    path.write_bytes(b"\n".join(lines) + b"\n")
    rows = list(read_rows(path))
    assert [(row.line, row.bad.reason) for row in rows if row.bad] == [(bad_line, reason)]
    # An open quote swallows what follows it; every other fault costs one row.
    assert len([row for row in rows if not row.bad]) == (1 if name == "x.tsv" else 2)


def test_parquet_keeps_types_and_counts_rows(tmp_path):
    rows = [{"id": 1, "tags": ["a", "b"], "price": 1.5, "flag": True}] * 3
    path = write_rows(tmp_path / "x.parquet", rows)
    assert [row.line for row in read_rows(path)] == [1, 2, 3]
    assert [json.dumps(dict(row.values)) for row in read_rows(path)] == [json.dumps(rows[0])] * 3


def test_separator_and_encoding_may_be_told(tmp_path):
    path = tmp_path / "tabs.csv"
    path.write_bytes("product_id\ttitle\n1\t1/2 in. caf\xe9, 90\xb0\n".encode("latin-1"))
    row, = read_rows(path, delimiter="\t", encoding="latin-1")
    assert row.values == {"product_id": "1", "title": "1/2 in. caf\xe9, 90\xb0"}


def test_ignored_parquet_columns_are_left_out(tmp_path):
    path = write_rows(tmp_path / "x.parquet", [{"product_id": "1", "title": "a", "text": "long"}])
    row, = read_rows(path, columns={"text": None, "name": "title"})
    assert row.values == {"product_id": "1", "name": "a"}
