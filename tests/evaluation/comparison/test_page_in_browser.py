"""The page as a browser lays it out: nothing is cut off, on a desk or in a hand.

Needs a Chromium on the path, or where the environment's CHROMIUM says.
"""

import html
import json
import os
import re
import shutil
import subprocess

import pytest

from gram_jax.evaluation.comparison.page import comparison_page

NAMES = ("chromium", "chromium-headless-shell", "google-chrome", "chromium-browser")
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)

# All panels are shown at once, then every text of a plot is measured against its plot.
_MEASURE = """
<script>
addEventListener("load", () => {
  for (const panel of document.querySelectorAll(".panel")) panel.style.display = "block";
  for (const fold of document.querySelectorAll("details")) fold.open = true;
  const cut = [];
  for (const svg of document.querySelectorAll("svg")) {
    const frame = svg.getBoundingClientRect();
    for (const text of svg.querySelectorAll("text")) {
      const box = text.getBoundingClientRect();
      if (box.left < frame.left - 1 || box.right > frame.right + 1 ||
          box.top < frame.top - 1 || box.bottom > frame.bottom + 1) cut.push(text.textContent);
    }
  }
  const found = document.createElement("pre");
  found.id = "found";
  found.textContent = JSON.stringify({cut, plots: document.querySelectorAll("svg").length,
    wide: document.documentElement.scrollWidth, window: innerWidth});
  document.body.append(found);
});
</script>
"""


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the path")
@pytest.mark.parametrize("width", [1280, 500])
def test_nothing_is_cut_off(comparison, tmp_path, width):
    path = tmp_path / "page.html"
    page = comparison_page(comparison, title="Five methods")
    path.write_text(page.replace("</body>", _MEASURE + "</body>"), encoding="utf-8")
    done = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},900",
         f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", path.as_uri()],
        capture_output=True, text=True, timeout=120)
    found = json.loads(html.unescape(re.search(r'<pre id="found">(.*?)</pre>',
                                               done.stdout, flags=re.S).group(1)))
    assert found["plots"] > 10
    assert found["cut"] == []
    assert found["wide"] <= found["window"]
