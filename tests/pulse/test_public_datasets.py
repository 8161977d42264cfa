"""`gram prepare` on the official files of a public data set: prepared whole, or refused whole."""

import subprocess
import sys
from pathlib import Path

from gram_jax.catalog.shop import read_shop
from gram_jax.evaluation.trec import read_qrels
from gram_jax.testing.official_files import write_esci, write_wands

ROOT = Path(__file__).resolve().parents[2]


def prepare(experiment: str, workdir: Path, *arguments) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "gram_jax.cli", "prepare", f"--workdir={workdir}",
         f"--gin_file=gin/experiments/{experiment}.gin", *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_bad_rows_are_refused_with_file_and_line_and_left_out_when_told(tmp_path):
    folder = write_wands(tmp_path / "wands", num_queries=40)
    with (folder / "label.csv").open("a") as stream:
        stream.write("999\t0\t0\tPerfect\n")
    settings = (f"--gin.WANDS={folder}", "--gin.read_wands.verify_checksums=False",
                "--gin.read_wands.tune_queries=4")
    done = prepare("wands", tmp_path / "w", *settings)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "label.csv, line 122" in done.stderr and "'Exact'" in done.stderr
    assert not (tmp_path / "w" / "prepare").exists()
    done = prepare("wands", tmp_path / "w", *settings, "--on_bad_rows=skip")
    assert done.returncode == 0, done.stderr
    shop = read_shop(tmp_path / "w" / "prepare" / "shop")
    assert len(shop.queries) == 40 and sum(shop.dropped_rows.values()) == 1
    for split in ("tune", "test"):
        written = read_qrels(tmp_path / "w" / "prepare" / f"qrels.{split}.txt")
        assert written == shop.qrels(split) != {}


def test_a_missing_and_a_changed_file_say_what_to_fetch(tmp_path):
    folder = write_esci(tmp_path / "esci")
    done = prepare("esci_us", tmp_path / "w", f"--gin.ESCI={folder}")
    assert done.returncode == 2 and "not the published file" in done.stderr
    assert "verify_checksums=False" in done.stderr
    done = prepare("esci_us", tmp_path / "w", f"--gin.ESCI={tmp_path}")
    assert done.returncode == 2 and "github.com/amazon-science/esci-data" in done.stderr
    assert not (tmp_path / "w" / "prepare").exists()
