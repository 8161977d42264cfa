"""A large catalogue through prepare, attributes and codes: seconds and memory by stage.

    python benchmarks/large_catalog.py --folder=DIR

The simulator makes 1 million products and 262,144 queries whose 10 million and more clicked pairs
are as many as a log has that is full of frequent queries: each is typed in 300 to 600 sessions, so
that some 40 of its 50 best results are clicked at least once. They are written as files of a shop
of one's own (products.jsonl.gz, clicks.tsv) into DIR/shop, once: on one core that takes about half
an hour. Then `gram` runs its stages on these files in DIR/workdir, with 2% of the queries held out.
Memory is the sum over all processes of a stage of the resident memory that each has, taken several
times a second: pages that two share count twice.

The bars are for 1 million products and 10 million clicks on 2 cores: 6 GB, 40 minutes. A smaller
trial: --num_products=100000 --num_queries=26000. Arguments behind `--` go to `gram`, for example
`-- --gin.MiningSettings.max_products=20000`.
"""

import argparse
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

from gram_jax.catalog.simulator.files import write_simulated_files
from gram_jax.catalog.simulator.settings import SimulatorSettings
from gram_jax.core.parallel import map_in_processes

STAGES = ("prepare", "attributes", "codes")
MAX_GB, MAX_MINUTES, MIN_CLICKS = 6.0, 40.0, 10_000_000
SESSIONS = SimulatorSettings(min_sessions=300, max_sessions=600)
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a stage took: wall-clock seconds, CPU seconds of all its processes, peak GB."""

    name: str
    seconds: float
    cpu_seconds: float
    peak_gb: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", required=True, type=Path)
    parser.add_argument("--num_products", type=int, default=1_000_000)
    parser.add_argument("--num_queries", type=int, default=262_144)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--stages", nargs="+", default=STAGES, choices=STAGES)
    parser.add_argument("gram_arguments", nargs="*")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:options.cores])
    files = options.folder / "shop"
    if not files.exists():
        generate(files, options)
    workdir = options.folder / "workdir"
    costs = []
    for stage in options.stages:
        for left_over in (workdir / stage, workdir / f"{stage}.unfinished"):
            shutil.rmtree(left_over, ignore_errors=True)
        costs.append(run_stage(stage, workdir, files, options.gram_arguments))
        print(line(costs[-1]), flush=True)
    report(costs, workdir, options)


def generate(files: Path, options) -> None:
    started = time.monotonic()
    with map_in_processes(options.cores) as map_shards:
        num_rows = write_simulated_files(
            files, num_products=options.num_products, num_queries=options.num_queries,
            settings=SESSIONS, map_shards=map_shards)
    print(f"simulated {options.num_products:,} products and {num_rows:,} clicked pairs in "
          f"{(time.monotonic() - started) / 60:.1f} min", flush=True)


def run_stage(stage: str, workdir: Path, files: Path, arguments: list[str]) -> Cost:
    """Runs `gram STAGE` as a user would, and watches its processes."""
    command = [sys.executable, "-m", "gram_jax.cli", stage, f"--workdir={workdir}",
               "--gin_file=gin/experiments/own_catalog.gin",
               f"--gin.PRODUCTS={files / 'products.jsonl.gz'}",
               f"--gin.CLICKS={files / 'clicks.tsv'}",
               "--gin.read_own_shop.tune_share=0.01", "--gin.read_own_shop.test_share=0.01",
               *arguments]
    before, started = os.times(), time.monotonic()
    process = subprocess.Popen(command)
    peak, ended = [0], threading.Event()
    watcher = threading.Thread(target=watch, args=(process.pid, peak, ended))
    watcher.start()
    try:
        status = process.wait()
    finally:
        ended.set()
        watcher.join()
    seconds, after = time.monotonic() - started, os.times()
    if status:
        sys.exit(f"{stage} failed with status {status}")
    cpu = (after.children_user - before.children_user
           + after.children_system - before.children_system)
    return Cost(stage, seconds, cpu, peak[0] / 1e9)


def watch(root: int, peak: list[int], ended: threading.Event) -> None:
    """Keeps the most resident bytes that a process and all below it have had together."""
    while not ended.wait(0.2):
        resident, parent = {}, {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdecimal():
                try:
                    # The command's name may hold anything, but ends at the last parenthesis.
                    parent[int(folder.name)] = int(
                        (folder / "stat").read_text().rpartition(")")[2].split()[1])
                    resident[int(folder.name)] = _PAGE * int(
                        (folder / "statm").read_text().split()[1])
                except (OSError, IndexError):
                    continue  # it has just ended
        family = {root}
        while more := {pid for pid in resident if parent[pid] in family} - family:
            family |= more
        peak[0] = max(peak[0], sum(resident.get(pid, 0) for pid in family))


def line(cost: Cost) -> str:
    return (f"{cost.name:12} {cost.seconds / 60:7.1f} min {cost.cpu_seconds / 60:7.1f} CPU min "
            f"{cost.peak_gb:6.2f} GB")


def report(costs: list[Cost], workdir: Path, options) -> None:
    counts = json.loads((workdir / "prepare" / "shop" / "counts.json").read_text())
    total = Cost("together", sum(cost.seconds for cost in costs),
                 sum(cost.cpu_seconds for cost in costs), max(cost.peak_gb for cost in costs))
    print(line(total))
    print(f"{counts['products']:,} products, {counts['clicks']:,} clicks and "
          f"{counts['judgments']:,} held-out pairs on {counts['queries']} queries; "
          f"{options.cores} cores")
    if counts["products"] >= 1_000_000 and counts["clicks"] >= MIN_CLICKS:
        held = total.peak_gb <= MAX_GB and total.seconds <= 60 * MAX_MINUTES
        print(f"bars of {MAX_GB:g} GB and {MAX_MINUTES:g} min: {'held' if held else 'MISSED'}")


if __name__ == "__main__":
    main()
