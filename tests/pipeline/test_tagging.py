"""Tagging a file: killed anywhere it goes on, and ends with the bytes of a run that never was."""

import itertools
import json

import pytest

from gram_jax.attributes.tagged_files import read_tagged
from gram_jax.core.errors import ArtifactError, InputError
from gram_jax.pipeline import tagging
from gram_jax.pipeline.tagging import read_texts, tag_file, tag_texts
from gram_jax.pipeline.workdir import Manifest, Workdir
from gram_jax.testing.row_files import write_rows
from gram_jax.testing.tiny_tagger import tiny_tagger

TEXTS = [(f"t{number}", f"red nike shoe {number} \u05d0") for number in range(11)]


@pytest.fixture(scope="module")
def tagger():
    return tiny_tagger()


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(tagging, "_ROWS_PER_BLOCK", 4)


def quiet(iterable, description, total):
    return iterable


class Killed(BaseException):
    """As a kill does: nothing behind it runs."""


def killed_after(count):
    def progress(iterable, description, total):
        yield from itertools.islice(iterable, count)
        raise Killed

    return progress


def tag(tagger, path, progress=quiet):
    return tag_texts(tagger, TEXTS, path, description="tag", total=len(TEXTS), progress=progress)


@pytest.mark.parametrize("count", [0, 3, 4, 9])
@pytest.mark.parametrize("torn", [b"", b'{"id": "t8", "te'])
def test_an_interrupted_tagging_ends_like_one_that_never_was(tagger, tmp_path, count, torn):
    assert tag(tagger, tmp_path / "whole") == len(TEXTS)
    path = tmp_path / "tags"
    with pytest.raises(Killed):
        tag(tagger, path, killed_after(count))
    assert path.read_bytes().count(b"\n") == count // 4 * 4 if path.exists() else count < 4
    with path.open("ab") as stream:
        stream.write(torn)
    assert tag(tagger, path) == len(TEXTS)
    assert path.read_bytes() == (tmp_path / "whole").read_bytes()
    assert tag(tagger, path) == len(TEXTS), "a finished file stays"


def test_rows_of_other_texts_are_refused(tagger, tmp_path):
    tag(tagger, tmp_path / "tags")
    with pytest.raises(InputError, match="row 11 is of 't10', but the text there is none"):
        tag_texts(tagger, TEXTS[:10], tmp_path / "tags", description="", total=10, progress=quiet)


@pytest.fixture
def workdir(tagger, tmp_path):
    found = Workdir(tmp_path / "workdir")
    folder, _ = found.open_unfinished("tagger", "f")
    tagger.save(folder)
    found.finish("tagger", folder, Manifest("tagger", "", {}, {}, "f", {}, "", 0.0, {}))
    return found


@pytest.mark.parametrize("ending", ["jsonl", "csv.gz"])
def test_any_file_with_a_title_is_tagged(workdir, tmp_path, ending):
    rows = [{"product_id": text_id, "title": text, "price": "1"} for text_id, text in TEXTS]
    source = write_rows(tmp_path / f"shop.{ending}", rows)
    output = tmp_path / "out" / "tags.jsonl"
    assert tag_file(workdir, source, output, progress=quiet) == len(TEXTS)
    assert [(row.text_id, row.text) for row in read_tagged(output)] == TEXTS
    assert [path.name for path in output.parent.iterdir()] == ["tags.jsonl"]


def test_a_killed_file_goes_on_and_appears_when_all_is_tagged(workdir, tmp_path):
    source = write_rows(tmp_path / "q.tsv", [{"query": text} for _, text in TEXTS])
    output = tmp_path / "tags.jsonl"
    with pytest.raises(Killed):
        tag_file(workdir, source, output, progress=killed_after(8))
    assert not output.exists()
    seen = []
    tag_file(workdir, source, output,
             progress=lambda it, *_: (seen.append(1) or row for row in it))
    assert len(seen) == len(TEXTS) - 8
    assert [row.text_id for row in read_tagged(output)] == [str(n) for n in range(2, 13)]


def test_what_cannot_be_tagged_is_refused_before_anything_is_written(workdir, tmp_path):
    source = tmp_path / "x.jsonl"
    source.write_text(json.dumps({"name": "shoe"}) + "\n")
    with pytest.raises(InputError, match="line 1: the row has no title"):
        tag_file(workdir, source, tmp_path / "tags.jsonl", progress=quiet)
    assert [text for _, text in read_texts(source, "name")] == ["shoe"]
    with pytest.raises(InputError, match="has no nome"):
        list(read_texts(source, "nome"))
    with pytest.raises(ArtifactError, match="no finished stage 'tagger'"):
        tag_file(Workdir(tmp_path / "w"), source, tmp_path / "t", progress=quiet)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["workdir", "x.jsonl"]
