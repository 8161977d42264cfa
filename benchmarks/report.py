"""Times a whole comparison: figures, tests, intervals, slices, examples, and the reports of it.

    python benchmarks/report.py [--methods 10] [--queries 20000] [--results 300] [--files 1]

Everything is made up: grades, answers that find more or less of the graded products, texts. Each
part is timed once, by the clock and by the processor; to find slices is part of the report. --files
writes so many of the runs and times reading them, which is not.
"""

import argparse
import io
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import machine
import numpy as np
from rich.console import Console

from gram_jax.evaluation.comparison.answer_files import read_answers
from gram_jax.evaluation.comparison.answers import Answers, Judged
from gram_jax.evaluation.comparison.compare import MethodCosts, compare_answers
from gram_jax.evaluation.comparison.disagreements import Shelf
from gram_jax.evaluation.comparison.report_files import write_comparison
from gram_jax.evaluation.comparison.slices import (
    by_attributes,
    by_demand,
    by_length,
    by_shared_words,
    by_spelling,
    words_of_titles,
)
from gram_jax.evaluation.comparison.terminal import print_comparison

BAR_SECONDS = 60
NUM_PRODUCTS, NUM_JUDGED, NUM_WORDS = 200_000, 20, 20_000


def main() -> None:
    options = _options()
    rng = np.random.default_rng(0)
    texts, titles = _texts(rng, options.queries), _titles(rng)
    qrels = _qrels(rng, options.queries)
    clock = {}
    with _timed(clock, "grades to arrays"):
        judged = Judged.of(qrels)
    for number in range(NUM_PRODUCTS):
        judged.numbers[f"p{number}"]
    answers = [_answers(rng, judged, f"method {at}", 0.2 + 0.05 * at, options.results)
               for at in range(options.methods)]
    with _timed(clock, "slices"):
        families = _families(rng, judged.query_ids, texts, qrels, titles)
    with _timed(clock, "figures, tests, intervals, examples"):
        comparison = compare_answers(answers, judged, slices=families, shelf=Shelf(texts, titles),
                                     costs={"method 0": MethodCosts(1.0, 100.0, 2.0)})
    with tempfile.TemporaryDirectory() as folder:
        with _timed(clock, "terminal, Markdown, JSON, HTML"):
            write_comparison(comparison, folder, title="Made up")
            print_comparison(comparison, Console(file=io.StringIO(), width=120))
        size = (Path(folder) / "comparison.html").stat().st_size
        for at in range(options.files):
            path = Path(folder) / f"{at}.txt"
            _write(path, answers[at], judged)
            with _timed(clock, f"reading run {at}"):
                read = read_answers(path, judged)
            np.testing.assert_array_equal(read.products, answers[at].products)
    _print(clock, options, size)


def _qrels(rng, num_queries: int) -> dict[str, dict[str, int]]:
    products = rng.integers(0, NUM_PRODUCTS, (num_queries, NUM_JUDGED))
    grades = rng.integers(0, 4, (num_queries, NUM_JUDGED))
    grades[:, 0] = 3
    return {f"q{row}": {f"p{product}": grade for product, grade in zip(*pair)}
            for row, pair in enumerate(zip(products.tolist(), grades.tolist()))}


def _answers(rng, judged: Judged, name: str, share: float, num_results: int) -> Answers:
    """A random list for each query, with a share of its judged products at random places."""
    products = _distinct(rng.integers(0, NUM_PRODUCTS, (len(judged.query_ids), num_results)))
    found = rng.random(len(judged.rows)) < share
    places = rng.integers(0, num_results, found.sum())
    products[judged.rows[found], places] = judged.products[found]
    return Answers(name, _distinct(products).astype(np.int32))


def _distinct(products: np.ndarray) -> np.ndarray:
    """The same with repeats in a row replaced by products that it does not have."""
    order = np.argsort(products, axis=1, kind="stable")
    ordered = np.take_along_axis(products, order, axis=1)
    rows, at = np.nonzero(ordered[:, 1:] == ordered[:, :-1])
    for row, place in zip(rows, order[rows, at + 1]):
        fresh = products[row, place]
        while (products[row] == fresh).any():
            fresh = (fresh + 7919) % NUM_PRODUCTS
        products[row, place] = fresh
    return products


def _texts(rng, num_queries: int) -> dict[str, str]:
    """Queries of one to six words, one in twelve of them of a word with a letter too many."""
    words = _words()
    texts = {}
    for row in range(num_queries):
        chosen = [words[at] for at in rng.integers(0, NUM_WORDS, rng.integers(1, 7))]
        if row % 12 == 0:
            chosen[0] = chosen[0][:3] + "x" + chosen[0][3:]
        texts[f"q{row}"] = " ".join(chosen)
    return texts


def _titles(rng) -> dict[str, str]:
    words = np.array(_words())
    drawn = words[rng.integers(0, NUM_WORDS, (NUM_PRODUCTS, 9))]
    return {f"p{number}": " ".join(title) for number, title in enumerate(drawn.tolist())}


def _words() -> list[str]:
    letters = np.random.default_rng(1).integers(97, 123, (NUM_WORDS, 8), np.uint8)
    return [bytes(row).decode() for row in letters]


def _families(rng, query_ids, texts, qrels, titles):
    asked = [texts[query_id] for query_id in query_ids]
    names = np.array(["brand", "category", "color"])
    types = {query_id: set(names[row]) for query_id, row in zip(
        query_ids, rng.random((len(query_ids), 3)) < 0.4)}
    demand = dict(zip(query_ids, rng.zipf(1.5, len(query_ids)).tolist()))
    return [by_demand(query_ids, demand), by_length(asked),
            by_spelling(asked, words_of_titles(titles.values())), by_attributes(query_ids, types),
            by_shared_words(query_ids, asked, qrels, titles)]


def _write(path: Path, answers: Answers, judged: Judged) -> None:
    names, method = list(judged.numbers), answers.name.replace(" ", "%20")
    with path.open("w") as stream:
        for query_id, products in zip(judged.query_ids, answers.products.tolist()):
            stream.writelines(
                f"{query_id} Q0 {names[product]} {rank} {-rank} {method}\n"
                for rank, product in enumerate(products, start=1))


@contextmanager
def _timed(clock: dict[str, tuple[float, float]], part: str):
    start = time.perf_counter(), time.process_time()
    yield
    clock[part] = time.perf_counter() - start[0], time.process_time() - start[1]


def _print(clock, options, size: int) -> None:
    print(machine.one_line())
    print(f"{options.methods} methods, {options.queries:,} queries, {options.results} products; "
          f"the page is {size / 1e6:.1f} MB")
    for part, (seconds, busy) in clock.items():
        print(f"{part:40} {seconds:7.1f} s   processor {busy:7.1f} s")
    total = sum(seconds for part, (seconds, _) in clock.items() if "reading" not in part)
    print(f"{'whole report':40} {total:7.1f} s   at most {BAR_SECONDS} s wanted: "
          f"{'reached' if total <= BAR_SECONDS else 'MISSED'}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", type=int, default=10)
    parser.add_argument("--queries", type=int, default=20_000)
    parser.add_argument("--results", type=int, default=300)
    parser.add_argument("--files", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
