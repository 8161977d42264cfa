"""`gram`: one command from a shop's files to ranked products.

Only reads arguments and prints; each subcommand imports what it needs when it is chosen, so that
`gram search` starts without the training stack.
"""

import argparse
import functools
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from gram_jax.command_help import STAGE_HELP, TRAINING_STAGES, GroupedHelp
from gram_jax.core.errors import GramError

EXIT_USER_ERROR = 2
EXIT_STOPPED = 130
EXIT_INTERRUPTED = 75  # EX_TEMPFAIL: start the same command again to go on


def main(argv: Sequence[str] | None = None) -> int:
    """Runs `gram` with the given arguments and returns its exit code."""
    # TensorFlow reads it when it loads, and without it speaks of GPUs that nobody asked for.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    parser = command_line()
    arguments, overrides = _split_overrides(sys.argv[1:] if argv is None else argv)
    if not arguments:
        parser.print_help(sys.stderr)
        return EXIT_USER_ERROR
    options = parser.parse_args(arguments)
    options.overrides = overrides
    if overrides and options.action not in (_run, _compile):
        parser.error(f"--gin.{overrides[0]}: only 'run', the stages and 'compile' take gin "
                     "settings")
    try:
        return options.action(options)
    except GramError as error:
        # gin adds a line on which of its configurables was being called: no help to a user.
        message = str(error).partition("\n  In call to configurable")[0]
        print(f"gram: {message}", file=sys.stderr)
        return EXIT_USER_ERROR
    except KeyboardInterrupt:
        print("gram: stopped; finished stages stay", file=sys.stderr)
        return EXIT_STOPPED
    except BrokenPipeError:
        # The reader of our output (head, less) has gone: not an error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _split_overrides(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Takes `--gin.NAME=value` (and `--gin.NAME value`) out of the arguments."""
    plain, overrides, rest = [], [], list(argv)
    while rest:
        argument = rest.pop(0)
        if not argument.startswith("--gin."):
            plain.append(argument)
            continue
        binding = argument.removeprefix("--gin.")
        if "=" not in binding and rest and not rest[0].startswith("--"):
            binding += "=" + rest.pop(0)
        overrides.append(binding)
    return plain, overrides


def command_line() -> argparse.ArgumentParser:
    """The arguments of `gram` and of every subcommand."""
    parser = argparse.ArgumentParser(
        prog="gram", formatter_class=GroupedHelp, usage="gram COMMAND [options]",
        description="Generative retrieval and alignment for e-commerce search.",
        epilog="gram COMMAND --help says what a command takes. To begin:\n"
               "  gram run --gin_file=gin/experiments/quickstart.gin --workdir=DIR\n"
               '  gram search --workdir=DIR "red running shoe"')
    commands = parser.add_subparsers(required=True, metavar="COMMAND", title="commands",
                                     prog="gram")

    command = functools.partial(_add_command, commands)
    _add_stages(command)
    _add_questions(command)
    _add_workdir_commands(command)
    _add_compile(commands)
    return parser


def _add_command(commands, name, action, text, **keywords) -> argparse.ArgumentParser:
    """A command that works on a workdir."""
    sub = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".",
                              formatter_class=argparse.RawDescriptionHelpFormatter, **keywords)
    sub.add_argument("--workdir", required=True, type=Path, metavar="DIR",
                     help="folder that holds the artifacts of one experiment")
    sub.set_defaults(action=action, command=name)
    return sub


def _add_stages(command: Callable) -> None:
    """`run`, and every stage alone."""
    settings_help = (
        "Settings come from --gin_file=FILE and from --gin.NAME=value, such as\n"
        "--gin.NUM_STEPS=1000; both may repeat, and the last word wins. Without a file they\n"
        "are those of the workdir's last run. Each file in gin/ says what may be set there.")
    for name, text in {"run": "run all stages; those up to date are not run again",
                       **STAGE_HELP}.items():
        sub = command(name, _run, text, epilog=settings_help)
        sub.add_argument("--gin_file", action="append", default=[], metavar="FILE",
                         help="settings to read; may repeat, later files win")
        if name == "run":
            sub.add_argument("--until", metavar="STAGE", choices=STAGE_HELP,
                             help="the last stage to run (default: all)")
        if name in ("run", *TRAINING_STAGES):
            sub.add_argument("--profile_steps", metavar="FIRST:LAST",
                             help="trace these steps of a training into its folder, such as "
                             "100:110; a training that is up to date is not run for it")
        if name in ("run", "prepare"):
            sub.add_argument("--on_bad_rows", choices=("refuse", "skip"),
                             help="what to do with bad rows of the shop's files (default: refuse)")


def _add_questions(command: Callable) -> None:
    """What asks a snapshot."""
    search = command("search", _search, "answer one query and show the codes that found products",
                     epilog='gram search --workdir=DIR --k=5 "red running shoe"')
    search.add_argument("query", help="what a shopper would type")
    search.add_argument("--k", type=_positive, default=10, metavar="N",
                        help="products to show (default 10)")
    search.add_argument("--json", action="store_true", help="print JSON for programs")

    retrieve = command("retrieve", _retrieve, "answer a file of queries and write a TREC run",
                       epilog="gram retrieve --workdir=DIR --queries=q.tsv --output=run.txt")
    retrieve.add_argument("--queries", required=True, type=Path, metavar="FILE",
                          help="TSV with query id and text on each line")
    retrieve.add_argument("--output", required=True, type=Path, metavar="FILE",
                          help="TREC run to write")
    retrieve.add_argument("--codes", type=Path, metavar="FILE",
                          help="also write a TSV of query id, product id, code")
    retrieve.add_argument("--k", type=_positive, default=300, metavar="N",
                          help="products a query (default 300)")

    tag = command("tag", _tag, "mark attribute values in a file of texts",
                  epilog="The workdir needs a tagger: see gin/runs/tagger.gin.")
    tag.add_argument("--input", required=True, type=Path, metavar="FILE",
                     help="jsonl, csv, tsv or parquet with a column title, text or query")
    tag.add_argument("--output", required=True, type=Path, metavar="FILE",
                     help="JSON lines of spans to write")
    tag.add_argument("--column", metavar="NAME",
                     help="the column to tag, if it is called otherwise")

    explain = command("explain-code", _explain, "show a text's values, the rules behind them, and "
                      "which codes they make or why not",
                      epilog='gram explain-code --workdir=DIR "red running shoe"')
    explain.add_argument("text", help="what a shopper would type")
    explain.add_argument("--json", action="store_true", help="print JSON for programs")


def _add_workdir_commands(command: Callable) -> None:
    """What shows or takes elsewhere what a workdir holds."""
    compare = command("compare", _compare, "compare the methods of a workdir and runs of others, "
                      "and write a page, Markdown and JSON")
    compare.add_argument("--output", required=True, type=Path, help="folder to write")
    compare.add_argument("--run", action="append", default=[], type=Path, metavar="FILE",
                         help="TREC run on the test queries, beside those of the stage evaluate; "
                         "NAME.codes.tsv beside NAME.txt is read with it (may repeat)")
    compare.add_argument("--costs", type=Path, metavar="FILE",
                         help="JSON: method -> ms_per_query, index_bytes_per_product, "
                         "training_minutes, invalid_code_share, note")
    compare.add_argument("--relevance", type=Path, metavar="FILE",
                         help="TREC run whose scores are a relevance model's, of every product "
                         "that a method lists: adds RelR")
    compare.add_argument("--baseline", metavar="METHOD",
                         help="what others are held against (default: BM25, or the first run)")

    export = command("export", _export, "write the compiled programs of a workdir as files that "
                     "run without this package")
    export.add_argument("--output", required=True, type=Path, metavar="FOLDER",
                        help="folder to write")
    export.add_argument("--platforms", default="cpu", metavar="LIST",
                        help="what they run on: cpu, cuda, tpu, or several by comma (default cpu)")

    model = command("export-model", _export_model, "write a workdir's trained model as another "
                    "library's: safetensors for transformers, or a checkpoint of T5X")
    model.add_argument("--output", required=True, type=Path, help="folder to write")
    model.add_argument("--form", choices=("huggingface", "t5x"), default="huggingface",
                       help="whose files to write (default huggingface)")

    inspect = command("inspect", _inspect, "show what is in a workdir: counts, digests, figures")
    inspect.add_argument("--json", action="store_true", help="print JSON for programs")
    inspect.add_argument("--html", type=Path, metavar="FILE",
                         help="write a page instead: curves, figures, durations, settings; "
                         "also while a stage trains")


def _add_compile(commands) -> None:
    text = "compile for TPUs that need not be there, and show memory, work and the time they allow"
    sub = commands.add_parser(
        "compile", help=text, description=text[0].upper() + text[1:] + ".",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="gram compile --workdir=DIR --topology=v5e:4x4\n\nNeeds the extra 'tpu'.")
    sub.add_argument("--topology", required=True, metavar="CHIPS",
                     help="such as v5e:4x4 or v6e:2x2")
    of = sub.add_mutually_exclusive_group(required=True)
    of.add_argument("--workdir", type=Path, metavar="DIR",
                    help="a workdir with a snapshot: its model and index")
    of.add_argument("--gin_file", action="append", default=[], metavar="FILE",
                    help="settings of a model, with an index of the sizes below")
    for name, default, what in (("num_codes", 1_000_000, "codes"),
                                ("num_postings", 10_000_000, "postings"),
                                ("num_candidates", 8192, "candidates of a query")):
        sub.add_argument(f"--{name}", type=_positive, default=default, metavar="N",
                         help=f"{what}, with --gin_file (default {default})")
    sub.add_argument("--batch_size", type=_positive, default=8, metavar="N",
                     help="queries on a chip (default 8)")
    sub.add_argument("--fsdp", type=_positive, default=1, metavar="N",
                     help="ways that batch and params are both split (default 1)")
    sub.add_argument("--model", type=_positive, default=1, metavar="N",
                     help="ways that params are split (default 1)")
    sub.add_argument("--json", action="store_true", help="print JSON for programs")
    sub.set_defaults(action=_compile, command="compile")


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not positive")
    return value


def _run(options) -> int:
    from gram_jax.pipeline.experiment import run_experiment
    from gram_jax.training.interruption import Interrupted
    from gram_jax.training.profiling import ProfiledSteps

    profile = getattr(options, "profile_steps", None)
    names = None if options.command == "run" else (options.command,)
    overrides = list(options.overrides)
    if getattr(options, "on_bad_rows", None) is not None:
        overrides += _bad_row_settings(options.on_bad_rows)
    try:
        run_experiment(options.workdir, names, until=getattr(options, "until", None),
                       gin_files=options.gin_file, overrides=overrides,
                       profiled=None if profile is None else ProfiledSteps.parse(profile))
    except Interrupted as stop:
        print(f"gram: {stop}", file=sys.stderr)
        return EXIT_INTERRUPTED
    return 0


def _bad_row_settings(policy: str) -> list[str]:
    """Bindings that tell every reader what to do with bad rows."""
    import inspect

    from gram_jax.pipeline.configurables import CONFIGURABLES

    return [f"{name}.on_bad_rows={policy}" for name, function in CONFIGURABLES.items()
            if "on_bad_rows" in inspect.signature(function).parameters]


def _search(options) -> int:
    from gram_jax.core.records import Query
    from gram_jax.pipeline.answers import open_snapshot, search_json, search_table

    snapshot = open_snapshot(options.workdir)
    answer = snapshot.answer(Query("search", options.query), k=options.k)
    if options.json:
        print(json.dumps(search_json(answer), ensure_ascii=False, indent=2))
    else:
        search_table(answer)
    return 0


def _retrieve(options) -> int:
    from gram_jax.pipeline.answers import open_snapshot, retrieve_file

    count = retrieve_file(open_snapshot(options.workdir), options.queries, options.output,
                          codes_path=options.codes, k=options.k)
    print(f"{options.output}: {count} queries answered", file=sys.stderr)
    return 0


def _compare(options) -> int:
    from gram_jax.evaluation.comparison.report_files import write_comparison
    from gram_jax.evaluation.comparison.terminal import print_comparison
    from gram_jax.pipeline.comparing import compare_workdir
    from gram_jax.pipeline.workdir import Workdir

    comparison, subtitle = compare_workdir(
        Workdir(options.workdir), options.run, baseline=options.baseline,
        costs_path=options.costs, relevance_path=options.relevance)
    print_comparison(comparison)
    paths = write_comparison(comparison, options.output, subtitle=subtitle)
    print(f"{', '.join(map(str, paths))}: written", file=sys.stderr)
    return 0


def _export(options) -> int:
    from gram_jax.pipeline.answers import open_snapshot
    from gram_jax.pipeline.progress import terminal_progress
    from gram_jax.serving.export import export_snapshot

    export_snapshot(open_snapshot(options.workdir), options.output,
                    platforms=options.platforms.split(","), progress=terminal_progress)
    print(f"{options.output}: written", file=sys.stderr)
    return 0


def _export_model(options) -> int:
    from gram_jax.pipeline.model_export import export_model
    from gram_jax.pipeline.workdir import Workdir

    stage = export_model(Workdir(options.workdir), options.output, form=options.form)
    print(f"{options.output}: the model of '{stage}' is written", file=sys.stderr)
    return 0


def _compile(options) -> int:
    # Where libtpu is installed JAX looks for TPUs, which are not what is asked for here.
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    from gram_jax.pipeline.topology_report import (
        compile_for,
        costs_json,
        costs_table,
        program_of_settings,
        program_of_workdir,
    )

    program = program_of_workdir(options.workdir) if options.workdir else program_of_settings(
        options.gin_file, options.overrides, num_codes=options.num_codes,
        num_postings=options.num_postings, num_candidates=options.num_candidates)
    costs = compile_for(options.topology, program, batch_size=options.batch_size,
                        fsdp=options.fsdp, model=options.model)
    if options.json:
        print(costs_json(costs))
    else:
        costs_table(costs)
    return 0


def _tag(options) -> int:
    from gram_jax.pipeline.progress import terminal_progress
    from gram_jax.pipeline.tagging import tag_file
    from gram_jax.pipeline.workdir import Workdir

    count = tag_file(Workdir(options.workdir), options.input, options.output,
                     text_column=options.column, progress=terminal_progress)
    print(f"{options.output}: {count} texts tagged", file=sys.stderr)
    return 0


def _explain(options) -> int:
    from gram_jax.pipeline.explanation import explain_text, explanation_json, explanation_table
    from gram_jax.pipeline.workdir import Workdir

    explained = explain_text(Workdir(options.workdir), options.text)
    if options.json:
        print(json.dumps(explanation_json(explained), ensure_ascii=False, indent=2))
    else:
        explanation_table(explained)
    return 0


def _inspect(options) -> int:
    from gram_jax.pipeline.inspection import inspect_workdir, inspection_table
    from gram_jax.pipeline.workdir import Workdir

    found = inspect_workdir(Workdir(options.workdir), tuple(STAGE_HELP))
    if options.html is not None:
        from gram_jax.core.atomic import atomic_file
        from gram_jax.pipeline.run_page import run_page
        from gram_jax.pipeline.run_summary import run_summary

        page = run_page(run_summary(Workdir(options.workdir), tuple(STAGE_HELP)))
        with atomic_file(options.html) as stream:
            stream.write(page)
        print(f"{options.html}: written", file=sys.stderr)
    elif options.json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        inspection_table(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
