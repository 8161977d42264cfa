"""Every example in a docstring and on a page of the documentation comes out as it is written."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROMPT = ">>> "
MODULES = sorted(path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
                 for folder in ("gram_jax", "tasks") for path in (ROOT / folder).rglob("*.py")
                 if PROMPT in path.read_text(encoding="utf-8"))
PAGES = sorted(path.relative_to(ROOT).as_posix()
               for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
               if PROMPT in path.read_text(encoding="utf-8"))


def test_examples_are_found_where_they_are():
    assert "gram_jax.codes.code" in MODULES and "docs/method.md" in PAGES


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_a_module(name):
    done = doctest.testmod(importlib.import_module(name))
    assert done.attempted and not done.failed


@pytest.mark.parametrize("page", PAGES)
def test_examples_of_a_page(page):
    done = doctest.testfile(str(ROOT / page), module_relative=False)
    assert done.attempted and not done.failed
