"""What `gram search` and `gram retrieve` do with a workdir: open it, answer, show, write."""

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

import jax
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gram_jax.core.errors import InputError
from gram_jax.core.records import Query
from gram_jax.core.runs import Run
from gram_jax.evaluation.trec import write_run, write_run_codes
from gram_jax.pipeline.progress import terminal_progress
from gram_jax.pipeline.workdir import Workdir
from gram_jax.serving.snapshot import Answer, Snapshot, load_snapshot


def keep_compiled_programs(workdir: Workdir) -> None:
    """Has XLA keep every program it compiles and reuse what lies there.

    In the workdir, or where the environment's JAX_COMPILATION_CACHE_DIR says.
    """
    jax.config.update("jax_compilation_cache_dir", os.environ.get(
        "JAX_COMPILATION_CACHE_DIR") or str(workdir.compilation_cache))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)


def open_snapshot(path: Path) -> Snapshot:
    """The snapshot of a workdir.

    Raises:
      ArtifactError: the workdir has none.
    """
    workdir = Workdir(path)
    folder = workdir.require("index")
    keep_compiled_programs(workdir)
    return load_snapshot(folder)


def search_table(answer: Answer, console: Console | None = None) -> None:
    """Prints an answer for people."""
    console = console or Console()
    if not answer.products:
        console.print(f"[bold]{escape(answer.query)}[/]: no code of this catalogue fits.")
        return
    table = Table(title=escape(answer.query), title_justify="left", title_style="bold")
    table.add_column("#", justify="right")
    table.add_column("product")
    table.add_column("title", ratio=3)
    table.add_column("score", justify="right")
    table.add_column("found by code", ratio=2, style="cyan")
    table.add_column("granularity")
    for found in answer.products:
        table.add_row(str(found.rank), escape(found.product_id), escape(found.title),
                      f"{found.score:.3f}", escape(found.code), found.granularity)
    console.print(table)


def search_json(answer: Answer) -> dict[str, object]:
    """An answer for programs."""
    return {"query": answer.query,
            "codes": [{"code": code, "log_prob": round(float(log_prob), 5)}
                      for code, log_prob in answer.codes],
            "products": [dataclasses.asdict(found) for found in answer.products]}


def read_queries(path: Path) -> Iterator[Query]:
    """Reads `query_id<TAB>text` lines.

    Raises:
      InputError: the file is missing, empty or not UTF-8, a line has no text, or an id repeats.
    """
    seen: set[str] = set()
    try:
        with path.open(encoding="utf-8-sig") as stream:
            for number, line in enumerate(stream, start=1):
                if not line.strip():
                    continue
                query_id, tab, text = line.rstrip("\r\n").partition("\t")
                if not tab or not query_id or not text.strip():
                    raise InputError("not a query id, a tab and a text", path=path, line=number,
                                     remedy="write 'q1<TAB>red running shoe'")
                if query_id in seen:
                    raise InputError(f"query id {query_id} occurs twice", path=path, line=number,
                                     remedy="give each query its own id")
                seen.add(query_id)
                yield Query(query_id, text)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path) from error
    except UnicodeDecodeError as error:
        raise InputError("not UTF-8", path=path, remedy="save the file as UTF-8") from error
    if not seen:
        raise InputError("no queries in it", path=path, remedy="write 'q1<TAB>red running shoe'")


def retrieve_file(snapshot: Snapshot, queries_path: Path, output: Path, *,
                  codes_path: Path | None, k: int) -> int:
    """Answers a file of queries and writes the run; returns the number of queries."""
    queries = list(read_queries(queries_path))
    retriever = snapshot.retriever
    retriever.warm("batch", k=k)
    ranked = terminal_progress(retriever.retrieve(queries, k=k), "retrieve", len(queries))
    run = Run(retriever.name, tuple(ranked))
    write_run(output, run)
    if codes_path is not None:
        write_run_codes(codes_path, run)
    return len(queries)
