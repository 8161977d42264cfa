"""Writes a comparison as files: a page, Markdown, JSON. Each appears whole or not at all."""

import json
import os
from pathlib import Path

from gram_jax.core.atomic import atomic_file
from gram_jax.evaluation.comparison.compare import Comparison
from gram_jax.evaluation.comparison.markdown import comparison_markdown
from gram_jax.evaluation.comparison.page import comparison_page
from gram_jax.evaluation.comparison.plain import comparison_json


def write_comparison(comparison: Comparison, folder: str | os.PathLike, *,
                     title: str = "Methods compared", subtitle: str = "") -> tuple[Path, ...]:
    """Writes `comparison.html`, `comparison.md` and `comparison.json` into a folder.

    Returns:
      Their paths, the page first.
    """
    folder = Path(folder)
    plain = json.dumps(comparison_json(comparison), indent=1, ensure_ascii=False, allow_nan=False)
    texts = {"comparison.html": comparison_page(comparison, title=title, subtitle=subtitle),
             "comparison.md": comparison_markdown(comparison, title=title),
             "comparison.json": plain + "\n"}
    for name, text in texts.items():
        with atomic_file(folder / name) as stream:
            stream.write(text)
    return tuple(folder / name for name in texts)
