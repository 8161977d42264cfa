"""Examples on disk: what is written is read, whatever the text; bad lines are named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.codes.examples import (
    CodeExample,
    product_text,
    read_code_examples,
    write_code_examples,
)
from gram_jax.core.errors import ArtifactError
from gram_jax.core.records import Product

_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_EXAMPLES = st.lists(st.builds(CodeExample, _TEXT, _TEXT,
                               st.lists(_TEXT, max_size=3).map(tuple)), max_size=5)


@given(_EXAMPLES)
def test_written_examples_read_back(tmp_path_factory, examples):
    path = tmp_path_factory.mktemp("examples") / "codes.jsonl"
    assert write_code_examples(path, examples) == len(examples)
    assert list(read_code_examples(path)) == examples


@pytest.mark.parametrize("line", ["{", "[]", '{"id": "a", "text": "b"}',
                                  '{"id": 1, "text": "b", "codes": []}',
                                  '{"id": "a", "text": "b", "codes": [3]}'])
def test_a_bad_line_is_named(tmp_path, line):
    path = tmp_path / "codes.jsonl"
    path.write_text('{"id": "a", "text": "b", "codes": ["c"]}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(ArtifactError, match="line 2"):
        list(read_code_examples(path))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ArtifactError, match="missing"):
        list(read_code_examples(tmp_path / "none.jsonl"))


def test_product_text_adds_a_brand_that_the_title_leaves_out():
    def text(brand):
        return product_text(Product("p", "Air Max running-shoe", {"Brand": (brand,)}))
    assert text("Nike") == "Air Max running-shoe Nike"
    assert text("air max") == "Air Max running-shoe"
    assert text("run") == "Air Max running-shoe run"
    assert product_text(Product("p", "Air Max")) == "Air Max"
