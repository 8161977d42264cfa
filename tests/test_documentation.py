"""The documentation holds together: links lead somewhere, and what it shows of the code exists."""

import ast
import importlib.util
import re
from pathlib import Path

import pytest

from gram_jax import __version__
from gram_jax.cli import command_line, main
from gram_jax.command_help import GROUPS, LAST_GROUP, OPTIONAL_STAGES, STAGE_HELP
from gram_jax.pipeline.stages import STAGES

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md",
         *sorted((ROOT / "docs").rglob("*.md"))]


def load(name: str):
    """A file of docs/site, which is no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / "site" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


hooks, check_links = load("hooks"), load("check_links")


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub and Python-Markdown make them."""
    headings = re.findall(r"^#+ +(.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.M)
    return {re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", heading.lower())).strip("-")
            for heading in headings}


# --- pages ------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_of_a_page_leads_somewhere(page):
    made = {"contributing.md": "CONTRIBUTING.md", "changelog.md": "CHANGELOG.md"}
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(\s*([^)\s]+)", text):
        path, _, place = link.partition("#")
        if "://" in link or path in {"commands.md", "api/index.md"}:  # made with the site
            continue
        target = (ROOT / made[path] if path in made else page.parent / path) if path else page
        assert target.exists(), link
        assert not place or place in anchors(target.read_text(encoding="utf-8")), link


def test_the_code_that_pages_show_exists_and_comes_without_its_docstring():
    shown = [found for page in PAGES
             for found in hooks._CODE_LINK.findall(page.read_text(encoding="utf-8"))]
    assert len(shown) > 20
    for name, path in shown:
        code = ast.parse(hooks.code_of(name, f"{path}.py")).body[0]
        assert code.name == name.rpartition(".")[2] and ast.get_docstring(code) is None, name
    with pytest.raises(KeyError):
        hooks.code_of("no_such_function", "gram_jax/codes/code.py")


def test_a_paragraph_of_code_links_and_shows_all_that_it_names():
    page = ("Code: [`Code.of`](../gram_jax/codes/code.py) and\n"
            "[`cross_entropy`](../gram_jax/models/losses.py).\n\nSee [`words`]"
            "(../../gram_jax/text/normal_form.py).")
    linked = hooks.linked_code(page)
    assert "[`Code.of`][gram_jax.codes.code.Code.of]" in linked
    assert "[`words`][gram_jax.text.normal_form.words]" in linked
    assert linked.count("```python") == 2 and "../gram_jax" not in linked


# --- the site ---------------------------------------------------------------------------------


def test_every_room_has_a_page_with_every_module():
    rooms = hooks.rooms()
    packages = {path.parent.name for path in ROOT.glob("gram_jax/*/__init__.py")}
    assert packages | {"tasks", "cli"} == rooms.keys()
    named = [name for modules in rooms.values() for name in modules]
    assert len(named) == len(set(named))
    assert {"gram_jax.codes.code", "gram_jax.catalog.datasets.esci", "tasks.codes"} <= set(named)
    assert "::: gram_jax.codes.code\n" in hooks.api_page("codes", rooms["codes"])
    assert all(f"({room}.md)" in hooks.api_index() for room in rooms)


def test_folders_and_optional_pages_of_the_navigation_are_as_on_the_disk(tmp_path):
    for name in ("README.md", "b.md", "a.md"):
        (tmp_path / "many").mkdir(exist_ok=True)
        (tmp_path / "many" / name).write_text("x", encoding="utf-8")
    (tmp_path / "there.md").write_text("x", encoding="utf-8")
    assert hooks.filled(["p.md", {"Part": ["there.md?", "missing.md?"]}, {"Many": "many/"}],
                        tmp_path) == [
        "p.md", {"Part": ["there.md"]}, {"Many": ["many/README.md", "many/a.md", "many/b.md"]}]


def test_the_link_check_finds_what_leads_nowhere_and_what_is_loaded_from_elsewhere(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "index.html").write_text('<h1 id="top">x</h1>', encoding="utf-8")
    page = tmp_path / "a.html"
    page.write_text('<a href="sub/#top">1</a><a href="https://example.org/x">2</a><a href="#me">'
                    '3</a><p id="me"><link rel="canonical" href="https://example.org">',
                    encoding="utf-8")
    assert check_links.faults(tmp_path) == []
    page.write_text('<a href="sub/#no">1</a><a href="gone.html">2</a><img src="missing.png">'
                    '<script src="https://cdn.example.org/x.js"></script>', encoding="utf-8")
    found = check_links.faults(tmp_path)
    assert found == ["a.html: sub/#no names a place that the page does not have",
                     "a.html: gone.html leads nowhere", "a.html: missing.png leads nowhere",
                     "a.html: loads https://cdn.example.org/x.js from elsewhere"]
    assert check_links.faults(tmp_path / "nothing") != []


def test_the_citation_and_the_changelog_speak_of_this_version():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (.+)$", citation, re.M)[1] == __version__
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## ([\d.]+)", changelog, re.M)[1] == __version__
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")


# --- the command line -------------------------------------------------------------------------


def test_help_lists_every_command_once_and_under_a_heading(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    text = command_line().format_help()
    choices = command_line()._subparsers._group_actions[0].choices
    for name, sub in choices.items():
        assert len(re.findall(rf"^  {re.escape(name)}\*? ", text, re.M)) == 1, name
        assert sub.format_help().startswith(f"usage: gram {name} ")
    assert all(heading in text for heading in (*GROUPS, LAST_GROUP))
    assert {name for names in GROUPS.values() for name in names} <= choices.keys()


def test_the_stages_marked_optional_are_the_optional_ones():
    assert {stage.name for stage in STAGES if stage.optional} == OPTIONAL_STAGES
    assert [stage.name for stage in STAGES] == list(STAGE_HELP)


def test_without_a_command_the_help_is_shown(capsys):
    assert main([]) == 2
    assert "gram search --workdir=DIR" in capsys.readouterr().err
