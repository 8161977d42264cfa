"""Constrained beam search beside its peers, on the same codes, weights, queries and beams.

    python benchmarks/decode.py --codes=FOLDER [--titles=products.jsonl] [--sweep] [--profile]

Peers: `generate` of transformers with a dictionary trie (extra 'interop'), and a mask over the full
vocabulary in JAX (`masked_beam_search.py`). The model is that of gin/models/small.gin with random
weights, or a snapshot's with --snapshot. Adds results to --output (JSON) and, from them, writes the
page and plots of --page (extra 'plots'). Quick look: --num_codes=2000 --rounds=3 --batch_size 1.
"""

import argparse
import datetime
import json
import re
import shlex
import sys
from pathlib import Path

import engine_report
import machine
import numpy as np
from engine_codes import QUERY_LENGTH, mined_codes, random_queries
from engine_profile import profile
from engine_sweep import sweep
from engine_systems import SYSTEMS, Ours
from engine_timing import compare, interleaved
from random_codes import random_codes

from gram_jax.codes.code_table import CodeTable
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import count_params, init_params, load_params
from gram_jax.text.encoding import encode_codes, encode_inputs
from gram_jax.text.prompts import query_input
from gram_jax.text.vocabulary import SentencePieceVocabulary

BARS = {("transformers", 1): 6.0, ("transformers", 8): 4.0, ("masked", 1): 2.0, ("masked", 8): 2.0}
"""At least how many times the queries a second of a peer, by peer and batch size."""


def small_config(vocab_size: int) -> ModelConfig:
    """The sizes of gin/models/small.gin."""
    return ModelConfig(vocab_size=vocab_size, d_model=256, d_ff=512, num_heads=4, head_dim=64,
                       num_encoder_layers=4, num_decoder_layers=4)


def settings(options):
    """Yields (name of the setting, config, params, codes, queries): what all systems get."""
    config = small_config(options.vocab_size)
    params = init_params(config, options.seed)
    queries = random_queries(options.queries, config.vocab_size, options.seed + 1)
    yield ("random", config, params,
           random_codes(options.num_codes, config.vocab_size, seed=options.seed), queries)
    yield ("long", config, params, random_codes(
        options.num_codes, config.vocab_size, min_length=13, seed=options.seed), queries)
    if options.codes:
        rows = mined_codes(options.codes, options.vocab_size, options.titles)
        yield "mined", config, params, rows, queries
    if options.snapshot:
        yield "trained", *_of_snapshot(options.snapshot, options.query_file, options.queries)


def _of_snapshot(folder: Path, query_file: Path | None, num_queries: int):
    """Config, params, codes and queries of what serves; without a file the queries are codes."""
    sizes = json.loads((folder / "snapshot.json").read_text(encoding="utf-8"))["model"]
    config = ModelConfig(**sizes)
    vocabulary = SentencePieceVocabulary.load(folder / "vocabulary.model")
    texts = [code.text for code in CodeTable.load(folder / "index/table").codes]
    rows = encode_codes(vocabulary, texts)
    if query_file:
        lines = query_file.read_text(encoding="utf-8").splitlines()
        texts = [json.loads(line)["text"] for line in lines]
    chosen = np.random.default_rng(0).permutation(len(texts))[:num_queries]
    queries = encode_inputs(vocabulary, [query_input(texts[i]) for i in chosen], QUERY_LENGTH)
    return config, load_params(folder / "params.npz", config), rows, queries


def beside_peers(options, name, config, params, rows, queries) -> dict:
    """One setting: agreement and times of all systems at every batch size."""
    known = [SYSTEMS[system](config, params, rows, beam_size=options.beam_size)
             for system in options.systems]
    result = {"codes": len(rows), "mean_length": float((rows != 0).sum(1).mean()),
              "vocab_size": config.vocab_size, "parameters": count_params(params),
              "layers": config.num_decoder_layers, "d_model": config.d_model, "batches": {}}
    for batch_size in options.batch_size:
        batches = queries[: len(queries) // batch_size * batch_size].reshape(
            -1, batch_size, queries.shape[1])
        agreement = compare(known, batches[: max(1, options.compared // batch_size)])
        every = Ours(config, params, rows, beam_size=options.beam_size, endings="all")
        times = interleaved([*known, every], batches, options.rounds)
        ours = times["ours"]["median"]
        ratios = {peer: times[peer]["median"] / ours for peer in times if peer in agreement}
        result["batches"][str(batch_size)] = {
            "times": times, "agreement": agreement, "ratios": ratios,
            "bars": {peer: [BARS[peer, batch_size], bool(ratio >= BARS[peer, batch_size])]
                     for peer, ratio in ratios.items()
                     if name in ("random", "mined") and (peer, batch_size) in BARS}}
        print(engine_report.setting_lines(name, batch_size, result), flush=True)
    return result


def parse_options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--codes", type=Path, help="folder of a code table or of the stage 'codes'")
    parser.add_argument("--titles", type=Path, help="products.jsonl, spelled with those codes")
    parser.add_argument("--snapshot", type=Path, help="a snapshot, to time its model and codes")
    parser.add_argument("--query_file", type=Path, help="queries.jsonl for the snapshot")
    parser.add_argument("--num_codes", type=int, default=100_000)
    parser.add_argument("--vocab_size", type=int, default=8192)
    parser.add_argument("--beam_size", type=int, default=10)
    parser.add_argument("--batch_size", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS), choices=list(SYSTEMS))
    parser.add_argument("--only", nargs="+", help="of the settings random, long, mined, trained")
    parser.add_argument("--queries", type=int, default=256)
    parser.add_argument("--compared", type=int, default=64, help="queries whose answers must agree")
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sweep", action="store_true")
    parser.add_argument("--sweep_codes", type=int, nargs="+",
                        default=[10_000, 100_000, 1_000_000, 10_000_000])
    parser.add_argument("--sweep_rounds", type=int, default=5)
    parser.add_argument("--sweep_remark", help="said above its table: what else was running")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--output", type=Path, default=Path("decode.json"))
    parser.add_argument("--page", type=Path, help="the Markdown page to write, plots beside it")
    parser.add_argument("--also", type=Path, nargs="+", default=[],
                        help="Markdown that other benchmarks printed, for the end of the page")
    parser.add_argument("--page_only", action="store_true", help="from an --output that exists")
    return parser.parse_args(arguments)


def _command(arguments: list[str]) -> str:
    """The command line, without where on this machine its files lie."""
    shown = [re.sub(r"(^|(?<==))[^=]*/", "", argument) for argument in arguments]
    return shlex.join(["python", "benchmarks/decode.py", *shown])


def _results_so_far(options: argparse.Namespace) -> dict:
    """What --output holds already, so that settings can be measured one after the other."""
    kept: dict = {"commands": [], "settings": {}}
    if options.output.exists():
        kept = json.loads(options.output.read_text(encoding="utf-8"))
    return kept | {
        "commands": [*kept["commands"], _command(sys.argv[1:])],
        "date": datetime.date.today().isoformat(), "seed": options.seed,
        "beam_size": options.beam_size, "query_length": QUERY_LENGTH,
        # What was profiled before stands against the limits of then.
        "machine": machine.description(), "limits": kept.get("limits") or machine.limits()}


def _save(results: dict, path: Path) -> None:
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    options = parse_options(sys.argv[1:])
    if not options.page_only:
        results = _results_so_far(options)
        for name, *system_input in settings(options):
            if not options.only or name in options.only:
                results["settings"][name] = beside_peers(options, name, *system_input)
                if options.profile:
                    results["settings"][name]["profile"] = profile(
                        *system_input, options.beam_size, results["limits"])
                _save(results, options.output)
        if options.sweep_remark:
            results["sweep_remark"] = options.sweep_remark
            _save(results, options.output)
        if options.sweep:
            rows = results.setdefault("sweep", [])
            for row in sweep(small_config, options, tuple(rows)):
                rows.append(row)
                _save(results, options.output)
    if options.page:
        engine_report.write_page(json.loads(options.output.read_text(encoding="utf-8")),
                                 options.page, options.also)


if __name__ == "__main__":
    main()
