"""Whether every link inside a built site leads somewhere, and nothing is loaded from elsewhere.

Usage: python docs/site/check_links.py FOLDER
Reads the HTML that a browser would, so that links which no Markdown file wrote are checked too.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
_RELATIONS_LOADED = {"stylesheet", "icon", "preload", "modulepreload"}


class Page(HTMLParser):
    """The anchors of a page, and what it links to and loads."""

    def __init__(self, text: str):
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes one element."""
        values = dict(attrs)
        self.anchors.update(values[name] for name in ("id", "name") if values.get(name))
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])
        target = values.get(_LOADED.get(tag, ""))
        if target and (tag != "link" or set((values.get("rel") or "").split()) & _RELATIONS_LOADED):
            self.loads.append(target)


def faults(folder: Path) -> list[str]:
    """A sentence for each link that leads nowhere and each thing that is loaded from elsewhere."""
    pages = {path.resolve(): Page(path.read_text(encoding="utf-8"))
             for path in sorted(folder.rglob("*.html"))}
    if not pages:
        return [f"{folder} holds no page"]
    found = []
    for path, page in pages.items():
        name = path.relative_to(folder.resolve())
        for link in dict.fromkeys(page.links + page.loads):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                if link in page.loads and parts.scheme != "data":
                    found.append(f"{name}: loads {link} from elsewhere")
                continue
            target = _target(path, parts.path, folder.resolve())
            if not target.is_file():
                found.append(f"{name}: {link} leads nowhere")
            elif parts.fragment and target in pages \
                    and unquote(parts.fragment) not in pages[target].anchors:
                found.append(f"{name}: {link} names a place that the page does not have")
    return found


def _target(page: Path, path: str, folder: Path) -> Path:
    if not path:
        return page
    target = (folder / unquote(path).lstrip("/") if path.startswith("/")
              else page.parent / unquote(path)).resolve()
    return target / "index.html" if target.is_dir() else target


def main(arguments: list[str]) -> int:
    """Prints the faults of the site in the folder named; 1 where there are any."""
    found = faults(Path(arguments[0]))
    print("\n".join(found) if found else f"{arguments[0]}: all links lead somewhere")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
