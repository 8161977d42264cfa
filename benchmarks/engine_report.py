"""The page of the engine's results and its plots, made from the JSON of `decode.py`."""

from collections.abc import Sequence
from pathlib import Path

TITLES = {
    "random": "random codes of 3 to 13 tokens",
    "long": "random codes of 13 tokens",
    "mined": "codes mined from a shop",
    "trained": "a trained model and its codes",
}
_MINIMUM = {True: "held", False: "MISSED"}


def setting_lines(name: str, batch_size: int, result: dict) -> str:
    """What one batch size of one setting gave, for the terminal."""
    batch = result["batches"][str(batch_size)]
    lines = [f"{TITLES[name]}, {result['codes']:,} codes, batch {batch_size}"]
    for system, time in batch["times"].items():
        line = f"  {system:18} {time['median']:9.2f} ms a query"
        if system in batch["ratios"]:
            same = batch["agreement"][system]
            line += (f"   ours is {batch['ratios'][system]:.2f} times as fast{_bar(batch, system)};"
                     f" same codes on {same['same_codes']} of {same['queries']} queries, same "
                     f"scores on {same['same_scores']}, at most {same['largest_difference']:.1e} "
                     "apart")
        lines.append(line)
    return "\n".join(lines)


def _bar(batch: dict, system: str) -> str:
    if system not in batch["bars"]:
        return ""
    bar, held = batch["bars"][system]
    return f" (at least {bar:g}: {_MINIMUM[held]})"


def write_page(results: dict, path: Path, also: Sequence[Path] = ()) -> None:
    """Writes the Markdown page, with what other benchmarks wrote at its end, and its plots."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sections = [_head(results), _systems(results), _agreement(results), _parts(results),
                _sweep(results)]
    if results.get("sweep"):
        _plot_sweep(results["sweep"], path.with_name(f"{path.stem}_sweep.svg"))
        sections.append(f"![time by number of codes]({path.stem}_sweep.svg)\n")
    sections += [other.read_text(encoding="utf-8") for other in also]
    path.write_text("\n".join(section for section in sections if section), encoding="utf-8")


def _head(results: dict) -> str:
    machine, limits = results["machine"], results["limits"]
    versions = ", ".join(f"{name} {machine[name]}" for name in (
        "python", "jax", "flax", "numpy", "torch", "transformers"))
    commands = "\n    ".join(dict.fromkeys(results["commands"]))  # a sweep may go on several times
    return f"""# The retrieval engine's search, beside its peers

Made on {results["date"]}, seed {results["seed"]}, by `launch/benchmark_engine.sh`, or step by step:

    {commands}

Machine: {machine["processor"]}, {machine["cores"]} cores, {machine["memory"]}, backend \
{machine["backend"]}; {versions}. Measured limits: {limits["gflops"]:.0f} GFLOP/s for a float32 \
product of 2048, {limits["gbytes"]:.1f} GB/s for reading.

All systems search the same codes with the same weights, queries of {results["query_length"]} \
tokens and {results["beam_size"]} beams, in turns, with new queries every round; times are medians.
*transformers* is `generate` with `prefix_allowed_tokens_fn` over a dictionary trie, \
`length_penalty=0`, `early_stopping="never"`. *masked* is one compiled JAX program that masks the \
whole vocabulary. Both count a code that ends only where it ranks among the step's best beams, and \
*ours* does the same here (`endings="ranked"`); *ours, all endings* is the default.
"""


def _systems(results: dict) -> str:
    lines = ["## Time\n", "| codes | model | batch | system | ms a query | quartiles | queries/s | "
             "ours is faster by | bar |\n|---|---|--:|---|--:|--:|--:|--:|---|"]
    for name, result in results["settings"].items():
        for batch_size, batch in result["batches"].items():
            for system, time in batch["times"].items():
                low, high = time["quartiles"]
                ratio, bar = batch["ratios"].get(system), batch["bars"].get(system)
                lines.append(
                    f"| {result['codes']:,} {TITLES[name]} | {result['layers']} + "
                    f"{result['layers']} x {result['d_model']} | {batch_size} | {system} | "
                    f"{time['median']:.2f} | {low:.2f} to {high:.2f} | "
                    f"{1e3 / time['median']:.1f} | {f'{ratio:.2f}' if ratio else ''} | "
                    f"{f'{bar[0]:g}: {_MINIMUM[bar[1]]}' if bar else ''} |")
    return "\n".join(lines) + "\n"


def _agreement(results: dict) -> str:
    lines = ["## Agreement with ours\n",
             "Codes in the same order, and scores within 1e-4, by queries.\n",
             "| codes | batch | system | same codes | same scores | largest difference of a score |"
             "\n|---|--:|---|--:|--:|--:|"]
    for name, result in results["settings"].items():
        for batch_size, batch in result["batches"].items():
            for system, same in batch["agreement"].items():
                lines.append(
                    f"| {TITLES[name]} | {batch_size} | {system} | {same['same_codes']} of "
                    f"{same['queries']} | {same['same_scores']} of {same['queries']} | "
                    f"{same['largest_difference']:.1e} |")
    return "\n".join(lines) + "\n"


def _parts(results: dict) -> str:
    profiles = {name: result["profile"] for name, result in results["settings"].items()
                if "profile" in result}
    if not profiles:
        return ""
    parts = list(dict.fromkeys(part for profile in profiles.values()
                               for batch in profile.values() for part in batch["shares"]))
    lines = ["## Where the time goes\n",
             "Shares of the time of all operations of the program (work on two threads counts "
             "twice). The limit is the time that the same matrix products would take at the "
             "machine's measured GFLOP/s or GB/s, whichever is slower, product by product.\n",
             f"| codes | batch | ms | {' | '.join(parts)} | products MFLOP | products ms | limit "
             f"ms |\n|---|--:|--:|{'--:|' * len(parts)}--:|--:|--:|"]
    for name, profile in profiles.items():
        for batch_size, batch in profile.items():
            shares = " | ".join(f"{batch['shares'].get(part, 0):.1%}" for part in parts)
            lines.append(f"| {TITLES[name]} | {batch_size} | {batch['milliseconds']:.1f} | "
                         f"{shares} | {batch['mflop']:.0f} | {batch['product_milliseconds']:.1f} | "
                         f"{batch['floor_milliseconds']:.1f} |")
    return "\n".join(lines) + "\n"


def _sweep(results: dict) -> str:
    rows = results.get("sweep")
    if not rows:
        return ""
    systems = list(dict.fromkeys(name for row in rows for name in row["times"]))
    lines = ["## By codes, vocabulary, beams and batch\n",
             "Milliseconds a query; random codes and weights. Nothing stands where a peer was not "
             f"run, or was too slow to be timed. {results.get('sweep_remark', '')}".rstrip() + "\n",
             "| vocabulary | codes | trie built s | bytes a code | beams | batch | "
             f"{' | '.join(systems)} |\n|--:|--:|--:|--:|--:|--:|{'--:|' * len(systems)}"]
    for row in rows:
        times = " | ".join(f"{row['times'][name]['median']:.2f}" if name in row["times"] else ""
                           for name in systems)
        lines.append(f"| {row['vocab_size']:,} | {row['codes']:,} | {row['build_seconds']:.2f} | "
                     f"{row['bytes_a_code']:.0f} | {row['beam_size']} | {row['batch_size']} | "
                     f"{times} |")
    return "\n".join(lines) + "\n"


_TICKS = (20, 50, 100, 200, 500)


def _plot_sweep(rows: list[dict], path: Path) -> None:
    """Time by number of codes, a line for each vocabulary and beam size, a panel for each batch."""
    import matplotlib
    matplotlib.use("svg")
    from matplotlib import pyplot

    matplotlib.rcParams["svg.hashsalt"] = "engine"  # the same figures give the same file
    batches = sorted({row["batch_size"] for row in rows})
    figure, panels = pyplot.subplots(1, len(batches), figsize=(4 * len(batches), 3.4), sharey=True,
                                     squeeze=False, layout="constrained")
    for panel, batch_size in zip(panels[0], batches):
        kinds = sorted({(row["vocab_size"], row["beam_size"]) for row in rows})
        for vocab_size, beam_size in kinds:
            points = [(row["codes"], row["times"]["ours"]["median"]) for row in rows
                      if (row["vocab_size"], row["beam_size"], row["batch_size"])
                      == (vocab_size, beam_size, batch_size)]
            panel.plot(*zip(*points), marker="o", markersize=3, color=f"C{beam_size % 7}",
                       linestyle="-" if vocab_size == kinds[0][0] else "--",
                       label=f"{vocab_size // 1024}k tokens, {beam_size} beams")
        panel.set(xscale="log", yscale="log", xlabel="codes", title=f"batch {batch_size}")
        panel.set_yticks(_TICKS, list(map(str, _TICKS)))
        panel.minorticks_off()
    panels[0][0].set_ylabel("ms a query, ours")
    figure.legend(*panels[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=6,
                  fontsize=8, frameon=False)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
