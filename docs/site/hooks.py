"""What the documentation site takes from the sources when it is built, so that it cannot go stale.

Hooks of MkDocs, named by mkdocs.yml. Navigation: 'folder/' stands for the pages of a folder, and
'page.md?' for a page that there may be. The API reference has a page a room, and the commands are
those that `gram --help` shows. In a page, a link with a name in code font to a Python file of this
repository becomes a link into the API reference; in a paragraph that starts with 'Code:' the named
functions are shown as well, without docstrings. Equations become MathML when the site is built:
browsers draw them, and nothing is fetched.
"""

import ast
import html
import importlib.util
import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
API_FOLDER = "api/"
PROJECT_PAGES = {"contributing.md": "CONTRIBUTING.md", "changelog.md": "CHANGELOG.md"}
"""Pages of the site -> files at the top of the repository."""

_CODE_LINK = re.compile(r"\[`([\w.]+)`\]\((?:\.\./)+((?:gram_jax|tasks)/[\w/]+)\.py\)")
_MATH = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)


def rooms() -> dict[str, list[str]]:
    """Every room -> its modules by their dotted names, the room itself first."""
    found = {}
    for folder in sorted(path.parent for path in [*ROOT.glob("gram_jax/*/__init__.py"),
                                                  ROOT / "tasks" / "__init__.py"]):
        modules = sorted(folder.rglob("*.py"), key=lambda path: (
            path.parent, path.name != "__init__.py", path.name))
        found[folder.name] = [_module_name(path) for path in modules]
    found["cli"] = ["gram_jax.cli", "gram_jax.command_help"]
    return found


def _module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def api_page(room: str, modules: list[str]) -> str:
    """The Markdown of a room's page: what mkdocstrings is to put where."""
    return f"# {room}\n\n" + "\n\n".join(f"::: {name}" for name in modules) + "\n"


def api_index() -> str:
    """The page that says what every room is, by the first line of its docstring."""
    rows = []
    for room, modules in rooms().items():
        path = ROOT.joinpath(*modules[0].split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        about = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))).splitlines()[0]
        rows.append(f"| [{room}]({room}.md) | {about} |")
    return ("# API reference\n\nOne page a room, from the docstrings. Which room may import which: "
            "[Architecture](../architecture.md#layers).\n\n| room | what it is |\n|---|---|\n"
            + "\n".join(rows) + "\n")


def commands_page() -> str:
    """The help of `gram` and of every subcommand, as they print it."""
    sys.path.insert(0, str(ROOT))
    from gram_jax.cli import command_line
    from gram_jax.command_help import STAGE_HELP

    os.environ["COLUMNS"] = "96"
    parser = command_line()
    subcommands = parser._subparsers._group_actions[0].choices
    stages = ", ".join(f"`{name}`" for name in STAGE_HELP if name not in ("prepare", "train"))
    parts = ["# Commands", f"```text\n{parser.format_help()}```"]
    for name, sub in subcommands.items():
        if name == "train":
            parts += ["## One stage", f"`train`, and likewise {stages}:"]
        elif name in STAGE_HELP and name != "prepare":
            continue
        else:
            parts.append(f"## {name}")
        parts.append(f"```text\n{sub.format_help()}```")
    return "\n\n".join(parts) + "\n"


def filled(nav: list, folder: Path) -> list:
    """The navigation with folders and optional pages as they are on the disk."""
    entries = []
    for entry in nav:
        if isinstance(entry, dict):
            (title, value), = entry.items()
            if isinstance(value, list):
                value = filled(value, folder)
            elif value == API_FOLDER:
                value = ["api/index.md", *(f"api/{room}.md" for room in rooms())]
            elif value.endswith("/"):
                pages = sorted(path.relative_to(folder).as_posix()
                               for path in (folder / value).glob("*.md"))
                value = sorted(pages, key=lambda page: not page.endswith("README.md"))
            entries.append({title: value})
        elif not entry.endswith("?"):
            entries.append(entry)
        elif (folder / entry.removesuffix("?")).is_file():
            entries.append(entry.removesuffix("?"))
    return entries


def linked_code(markdown: str) -> str:
    """A page's text with links to Python files as links into the API reference, and code shown."""
    parts = []
    for paragraph in markdown.split("\n\n"):
        found = _CODE_LINK.findall(paragraph)
        parts.append(_CODE_LINK.sub(
            lambda match: f"[`{match[1]}`][{match[2].replace('/', '.')}.{match[1]}]", paragraph))
        if paragraph.startswith("Code:"):
            parts += [_shown(name, f"{path}.py") for name, path in found]
    return "\n\n".join(parts)


def _shown(name: str, path: str) -> str:
    code = code_of(name, path).replace("\n", "\n    ")
    return f'??? quote "{path}: {name}"\n    ```python\n    {code}\n    ```'


def code_of(name: str, path: str) -> str:
    """The source of a function, class or method ('Class.method') without its docstring.

    Raises:
      KeyError: the file has none of that name.
    """
    source = (ROOT / path).read_text(encoding="utf-8")
    node = ast.parse(source)
    for part in name.split("."):
        node = {child.name: child for child in node.body if hasattr(child, "name")}[part]
    lines = source.splitlines()[node.lineno - 1:node.end_lineno]
    if ast.get_docstring(node) is not None:
        first = node.body[0]
        del lines[first.lineno - node.lineno:first.end_lineno - node.lineno + 1]
    while len(lines) > 1 and not lines[-1].strip():
        lines.pop()
    indent = len(lines[0]) - len(lines[0].lstrip())
    return "\n".join(line[indent:] for line in lines)


def with_math(page: str) -> str:
    """A page's HTML with its TeX as MathML."""
    from latex2mathml.converter import convert

    drawn = _MATH.sub(lambda match: convert(
        html.unescape(match[2]).strip(), display="block" if match[1] == "div" else "inline"), page)
    # As in c_{<i}: a sign with nothing before it compares nothing.
    return drawn.replace("<mrow><mo>&#x0003C;", '<mrow><mo lspace="0" rspace="0">&#x0003C;')


def on_config(config):
    """Fills the navigation."""
    if importlib.util.find_spec("latex2mathml") is None:
        raise ModuleNotFoundError("latex2mathml is missing: install the extra 'docs'")
    config.nav = filled(config.nav, DOCS)
    return config


def on_files(files, config):
    """Adds the pages that are made here or lie at the top of the repository."""
    from mkdocs.structure.files import File

    pages = {f"api/{room}.md": api_page(room, modules) for room, modules in rooms().items()}
    pages["api/index.md"] = api_index()
    pages["commands.md"] = commands_page()
    for page, name in PROJECT_PAGES.items():
        pages[page] = (ROOT / name).read_text(encoding="utf-8").replace("](docs/", "](")
    for page, content in pages.items():
        files.append(File.generated(config, page, content=content))
    return files


def on_page_markdown(markdown, page, config, files):
    """Links and shows code."""
    return linked_code(markdown)


def on_page_content(content, page, config, files):
    """Draws equations."""
    return with_math(content)
