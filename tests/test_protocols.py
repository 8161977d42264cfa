"""Every protocol page says the same as the code that reads the data set."""

import re
from pathlib import Path

import pytest

from gram_jax.catalog.datasets.esci import ESCI
from gram_jax.catalog.datasets.home_depot import HOME_DEPOT
from gram_jax.catalog.datasets.home_depot_kaggle import HOME_DEPOT_KAGGLE
from gram_jax.catalog.datasets.icecat import ICECAT
from gram_jax.catalog.datasets.queryner import QUERYNER
from gram_jax.catalog.datasets.wands import WANDS

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "protocols"


@pytest.mark.parametrize("page, data", [
    ("esci", ESCI), ("esci", QUERYNER), ("wands", WANDS), ("home_depot", HOME_DEPOT),
    ("home_depot", HOME_DEPOT_KAGGLE), ("icecat", ICECAT)])
def test_files_checksums_and_sizes_are_those_of_the_reader(page, data):
    text = (PAGES / f"{page}.md").read_text(encoding="utf-8")
    for file in data.files:
        assert file.name in text
        if file.checksum:
            digest = file.checksum.partition(":")[2]
            short = re.search(rf"{digest[:8]}…(\w+)", text)
            assert digest in text or (short and digest.endswith(short[1])), file.name
        assert file.size is None or data is QUERYNER or file.size < 1e5 or f"{file.size:,}" in text


@pytest.mark.parametrize("page", sorted(PAGES.glob("*.md")), ids=lambda page: page.stem)
def test_what_a_page_names_is_there(page):
    text = page.read_text(encoding="utf-8")
    for path in re.findall(r"\b((?:gin|gram_jax|docs)/[\w/]+\.(?:gin|py|md))\b", text):
        assert (ROOT / path).is_file(), path
    for link in re.findall(r"\]\(([\w./]+\.md)", text):
        assert (page.parent / link).is_file(), link
    experiments = re.findall(r"`(\w+\.gin)`", text)
    assert all((ROOT / "gin" / "experiments" / name).is_file() for name in experiments)


def test_every_experiment_of_a_data_set_binds_the_gains_of_its_page():
    for page, experiment in (("esci", "esci_us"), ("wands", "wands")):
        text = (PAGES / f"{page}.md").read_text(encoding="utf-8")
        settings = (ROOT / "gin" / "experiments" / f"{experiment}.gin").read_text(encoding="utf-8")
        measure = re.search(r"'(nDCG\(gains=[^']+@10)'", settings)[1]
        assert measure in text
