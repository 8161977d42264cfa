"""The elements are those of json.loads, however the text is cut into pieces."""

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.catalog.datasets import json_array as module
from gram_jax.catalog.datasets.json_array import json_array
from gram_jax.core.errors import InputError

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8), lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=4), inner, max_size=3), max_leaves=6)


@given(st.lists(values, max_size=5), st.sampled_from([None, 1]), st.integers(1, 7))
def test_elements_and_their_lines(elements, indent, chunk):
    text = json.dumps(elements, indent=indent, ensure_ascii=False)
    whole = module._CHUNK
    module._CHUNK = chunk
    try:
        found = list(json_array(io.StringIO(text), Path("x.json")))
    finally:
        module._CHUNK = whole
    assert [element for _, element in found] == elements
    lines = text.split("\n")
    for line, element in found:
        start = json.dumps(element, indent=indent, ensure_ascii=False).split("\n")[0]
        assert start in lines[line - 1]


@pytest.mark.parametrize("text, problem, line", [
    ("", "cut off", 1), ('{"a": 1}', "'{'", 1), ("[1, 2", "cut off", 1), ("[1\n2]", "'2'", 2),
    ('[{"a":\n 1},\n{"a"', "cut off", 3), ("[1] x", "follows", 1), ("[1,]", "damaged", 1),
])
def test_what_is_no_array_is_refused_with_its_line(text, problem, line):
    with pytest.raises(InputError, match=problem) as caught:
        list(json_array(io.StringIO(text), Path("x.json")))
    assert caught.value.line == line and caught.value.remedy
