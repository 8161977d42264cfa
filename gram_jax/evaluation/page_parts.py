"""Pieces of HTML that a page is put together from. Knows tags and classes, no comparison."""

import dataclasses
from collections.abc import Sequence
from html import escape
from importlib import resources

import numpy as np


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of a page with its own heading.

    Args:
      key: its anchor.
      title: its heading, as text.
      body: HTML.
    """

    key: str
    title: str
    body: str

    @property
    def html(self) -> str:
        """The section with its heading."""
        return (f'<section id="{self.key}"><h2>{escape(self.title)}</h2>{self.body}</section>')


def document(title: str, facts: Sequence[str], sections: Sequence[Section], *,
             findings: Sequence[str] = (), more_css: str = "") -> str:
    """A whole page that needs nothing else: no script, font or picture from elsewhere.

    Args:
      title: its heading, as text.
      facts: a line under it, as text; empty ones are left out.
      sections: in order; the page links to them at its head.
      findings: sentences before the first section, as text.
      more_css: rules behind those of every page.
    """
    links = "".join(f'<a href="#{section.key}">{escape(section.title)}</a>'
                    for section in sections)
    found = "".join(f"<li>{escape(sentence)}</li>" for sentence in findings)
    css = resources.files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    return "\n".join([
        '<!doctype html>', '<html lang="en">', "<head>", '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>", f"<style>\n{css}{more_css}\n</style>",
        "</head>", "<body>", f"<header><h1>{escape(title)}</h1>",
        f'<p class="soft">{escape(" · ".join(fact for fact in facts if fact))}</p>',
        f"<nav>{links}</nav></header>", "<main>",
        f'<ul class="findings">{found}</ul>' if found else "",
        *(section.html for section in sections), "</main>", "</body>", "</html>", ""])


def table(headers: Sequence[tuple[str, str]], rows: Sequence[Sequence[str]]) -> str:
    """A table that scrolls sideways where it does not fit.

    Args:
      headers: texts, each with what it means or ''.
      rows: cells, as HTML with their own tags; one cell alone spans the table.
    """
    head = "".join(f'<th title="{escape(meaning, quote=True)}">{escape(text)}</th>' if meaning
                   else f"<th>{escape(text)}</th>" for text, meaning in headers)
    body = "".join(f"<tr>{''.join(cells)}</tr>" if len(cells) > 1 else
                   f'<tr><td class="over" colspan="{len(headers)}">{cells[0]}</td></tr>'
                   for cells in rows)
    return (f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
            "</div>")


def tabs(group: str, panels: Sequence[tuple[str, str]], *, chosen: int) -> str:
    """Panels of which one is seen at a time; they work without a script, and all are printed.

    Args:
      group: a name that no other tabs of the page have.
      panels: the text of each tab and its HTML.
      chosen: the panel that is seen at first.
    """
    inputs = "".join(
        f'<input type="radio" name="{group}" id="{group}-{at}"{" checked" * (at == chosen)}>'
        f'<label for="{group}-{at}">{escape(name)}</label>'
        for at, (name, _) in enumerate(panels))
    bodies = "".join(f'<div class="panel"><div class="printed">{escape(name)}</div>{body}</div>'
                     for name, body in panels)
    return f'<div class="tabs">{inputs}{bodies}</div>'


def tab_rules(most: int) -> str:
    """The CSS by which the n-th of up to `most` tabs shows the n-th panel."""
    chosen = ",".join(f".tabs>input:nth-of-type({at}):checked~.panel:nth-of-type({at})"
                      for at in range(1, most + 1))
    return f"{chosen} {{ display: block; }}"


def heat(text: str, small: str, share: float, *, sure: bool) -> str:
    """A cell whose colour says how good (1) or bad (-1) it is.

    Args:
      text: of the cell.
      small: a second line.
      share: -1 to 1.
      sure: whether it is printed bold.
    """
    hue = "var(--good-rgb)" if share > 0 else "var(--bad-rgb)"
    shown = f"<b>{escape(text)}</b>" if sure else escape(text)
    return (f'<td class="heat" style="--hue:{hue};--depth:{abs(share) * 0.34:.3f}">{shown}'
            f"<small>{escape(small)}</small></td>")


def figure_sign(sign: str) -> str:
    """The mark of a verdict in its colour; takes as much room where there is none."""
    return f'<span class="sign {"up" if sign == "▲" else "down"}">{sign}</span>'


def best_of(means: np.ndarray) -> np.ndarray:
    """Which figures are the best of their column, unless all are equal: bool, as `means`."""
    most = means.max(axis=0)
    return (means >= most - 1e-12) & (most - means.min(axis=0) > 1e-12)
