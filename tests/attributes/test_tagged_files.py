"""Files of tagged texts: what was flushed survives, what was torn off is cut and done again."""

import pytest

from gram_jax.attributes.tagged_files import TaggedRow, append_rows, read_tagged, whole_rows
from gram_jax.core.errors import ArtifactError

ROWS = [TaggedRow("a", "red\u2028 shoe \u0628", ((0, 3, "color", 0.9),)), TaggedRow("b", "", ()),
        TaggedRow("c", "\U0001f45f nike", ((2, 6, "brand", 0.5),))]


@pytest.fixture
def path(tmp_path):
    assert list(append_rows(tmp_path / "tags.jsonl", [ROWS[:2], ROWS[2:]])) == [2, 1]
    return tmp_path / "tags.jsonl"


def test_rows_survive_the_file_with_their_surface(path):
    rows = list(read_tagged(path))
    assert rows == ROWS
    assert rows[0].tagged() == (("color", "red"),) and rows[2].tagged() == (("brand", "nike"),)


def test_wherever_the_file_is_cut_off_the_whole_rows_stay(path):
    content = path.read_bytes()
    ends = [0] + [at + 1 for at, byte in enumerate(content) if byte == 10]
    for cut in range(len(content) + 1):
        path.write_bytes(content[:cut])
        whole = sum(end <= cut for end in ends) - 1
        assert whole_rows(path) == [row.text_id for row in ROWS[:whole]]
        assert path.read_bytes() == content[:ends[whole]]


def test_a_torn_row_in_the_middle_ends_what_is_kept(path):
    content = path.read_bytes()
    path.write_bytes(content[:20] + b"\n" + content[20:])
    assert whole_rows(path) == [] and path.read_bytes() == b""


def test_no_file_has_no_rows(tmp_path):
    assert whole_rows(tmp_path / "none") == []
    with pytest.raises(ArtifactError, match="run the tagger again"):
        list(read_tagged(tmp_path / "none"))


def test_a_file_of_something_else_is_refused(tmp_path):
    (tmp_path / "x").write_text('{"id": "a"}\n')
    with pytest.raises(ArtifactError, match="not a file of tagged texts"):
        list(read_tagged(tmp_path / "x"))
