"""What `gram explain-code` shows of a text: its values, the rules behind them, and their codes.

Reads what the stages 'attributes' and 'codes' left; decides nothing itself.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gram_jax.attributes.extract import AttributeExtractor, Finding
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.attributes.value_table import Values, ValueTable
from gram_jax.codes.code import SEPARATOR, Code
from gram_jax.codes.code_table import CodeTable
from gram_jax.codes.decisions import Decisions, Fate
from gram_jax.codes.examples import read_code_examples
from gram_jax.pipeline.answers import keep_compiled_programs
from gram_jax.pipeline.workdir import Workdir

_MADE = (Fate.CHOSEN, Fate.RESCUED)
_MAX_DROPPED_SHOWN = 20


@dataclasses.dataclass(frozen=True)
class ExplainedCode:
    """A set of the text's values that mining looked at.

    Args:
      code: how it reads, or would read.
      granularity: coarse, medium or fine.
      made: whether it is a code of the catalogue.
      fate: what became of it, in a word, and `reason` for people.
      products_with_values: products that hold all its values.
      products_of_code: products under the code, those shared by clicks included; 0 if not made.
      votes: products that would be asked for by it.
      worth: what votes went by; None where it was not weighed.
      train_queries: train queries whose clicks it serves.
    """

    code: str
    granularity: str
    made: bool
    fate: str
    reason: str
    products_with_values: int
    products_of_code: int
    votes: int
    worth: float | None
    train_queries: int


@dataclasses.dataclass(frozen=True)
class TextExplanation:
    """Everything that is known of a text.

    Args:
      text: as given.
      findings: what in it stands for which values, in order.
      values: what it comes to.
      unknown_values: of these, what no product holds.
      uncounted_values: of these, what mining looked at in no set: too few queries and products
        have it for a code.
      codes: sets of its values that mining looked at, codes first, most worth first.
    """

    text: str
    findings: tuple[Finding, ...]
    values: Values
    unknown_values: tuple[str, ...]
    uncounted_values: tuple[str, ...]
    codes: tuple[ExplainedCode, ...]


def explain_text(workdir: Workdir, text: str) -> TextExplanation:
    """Explains the text of a query.

    Raises:
      ArtifactError: the stages 'attributes' and 'codes' are not finished, or damaged.
    """
    attributes, codes = workdir.require("attributes"), workdir.require("codes")
    extractor = AttributeExtractor.load(attributes)
    products = ValueTable.load(attributes / "products")
    tagged = _tagged(workdir, text)
    values = extractor.of_text(text, tagged)
    known = [products.number_of_text[value] for _, value in values
             if value in products.number_of_text]
    found = tuple(_codes(codes, known, products, extractor.schema))
    counted = {value for code in found for value in code.code.split(SEPARATOR)}
    return TextExplanation(
        text, tuple(extractor.explain_text(text, tagged)), values,
        tuple(value for _, value in values if value not in products.number_of_text),
        tuple(products.values[number][1] for number in known
              if products.values[number][1] not in counted), found)


def _tagged(workdir: Workdir, text: str) -> tuple[tuple[str, str], ...]:
    """(type, surface) of what the tagger finds, where the attributes were read with one."""
    read = workdir.manifest("attributes")
    if "tagger" not in read.inputs:
        return ()
    from gram_jax.serving.text_tagger import TextTagger  # loads JAX

    keep_compiled_programs(workdir)
    spans = TextTagger.load(workdir.require("tagger")).tag([text])[0]
    return tuple((span.attribute, text[span.start:span.end]) for span in spans
                 if span.probability >= read.counts["min_tag_probability"])


def _codes(folder: Path, known: Iterable[int], products: ValueTable,
           schema: AttributeSchema) -> list[ExplainedCode]:
    """What became of every set of the known values that mining counted."""
    decisions, table = Decisions.load(folder), CodeTable.load(folder / "table")
    asked = Counter(code for example in read_code_examples(folder / "query_codes.train.jsonl")
                    for code in example.codes)
    found = []
    for row in np.flatnonzero(np.isin(decisions.subsets, [-1, *known]).all(axis=1)).tolist():
        code = Code.of([products.values[value] for value in decisions.subsets[row].tolist()
                        if value >= 0], schema)
        fate, worth = Fate(int(decisions.fates[row])), float(decisions.worths[row])
        made = fate in _MADE and code.text in table.id_of_text
        found.append(ExplainedCode(
            code.text, code.granularity, made, fate.name.lower(), fate.reason,
            int(decisions.sizes[row]),
            len(table.postings(table.id_of_text[code.text])) if made else 0,
            int(decisions.votes[row]), None if np.isnan(worth) else round(worth, 4),
            asked[code.text]))
    return sorted(found, key=lambda code: (not code.made, code.worth is None, -(code.worth or 0.0),
                                           -code.products_with_values, code.code))


def explanation_json(explained: TextExplanation) -> dict[str, object]:
    """An explanation for programs."""
    return {
        "text": explained.text,
        "findings": [{
            "surface": finding.surface, "start": finding.start, "end": finding.end,
            "source": finding.source, "type": finding.attribute, "normal_form": finding.normal,
            "values": [{"type": attribute, "value": value,
                        "rules": [change._asdict() for change in changes]}
                       for attribute, value, changes in finding.results]}
            for finding in explained.findings],
        "values": [{"type": attribute, "value": value} for attribute, value in explained.values],
        "values_of_no_product": list(explained.unknown_values),
        "values_of_no_candidate": list(explained.uncounted_values),
        "codes": [dataclasses.asdict(code) for code in explained.codes]}


def explanation_table(explained: TextExplanation, console: Console | None = None) -> None:
    """Prints an explanation for people."""
    console = console or Console()
    if not explained.findings:
        console.print(f"[bold]{escape(explained.text)}[/]: no value of this catalogue is in it.")
        return
    table = Table(title=escape(explained.text), title_justify="left", title_style="bold")
    for header in ("words", "in the text", "type", "normal form", "values", "rules"):
        table.add_column(header)
    for finding in explained.findings:
        place = "" if finding.start is None else f"{finding.start + 1}-{finding.end}"
        table.add_row(
            place, escape(finding.surface), finding.attribute, escape(finding.normal),
            escape("\n".join(value for _, value, _ in finding.results)),
            escape("\n".join(dict.fromkeys(f"{rule}: {before} -> {after}"
                                           for _, _, changes in finding.results
                                           for rule, before, after in changes)) or "-"))
    console.print(table)
    if explained.unknown_values:
        console.print("No product holds: " + escape(", ".join(explained.unknown_values)))
    if explained.uncounted_values:
        console.print("In no candidate for a code, as too few queries and products have it: "
                      + escape(", ".join(explained.uncounted_values)))
    _print_codes(explained.codes, console)


def _print_codes(codes: tuple[ExplainedCode, ...], console: Console) -> None:
    if not codes:
        return
    made = [code for code in codes if code.made]
    dropped = [code for code in codes if not code.made]
    table = Table(title=f"{len(made)} codes made, {len(dropped)} sets of values dropped",
                  title_justify="left", title_style="bold")
    for header in ("code", "granularity", "products", "votes", "worth", "train queries", "why"):
        table.add_column(header, justify="left" if header in ("code", "granularity", "why")
                         else "right", style="cyan" if header == "code" else None)
    for code in [*made, *dropped[:_MAX_DROPPED_SHOWN]]:
        table.add_row(
            escape(code.code), code.granularity,
            str(code.products_of_code if code.made else code.products_with_values),
            str(code.votes), "" if code.worth is None else f"{code.worth:.2f}",
            str(code.train_queries), ("" if code.made else "dropped: ") + code.reason,
            style=None if code.made else "dim")
    console.print(table)
    if len(dropped) > _MAX_DROPPED_SHOWN:
        console.print(f"... and {len(dropped) - _MAX_DROPPED_SHOWN} more dropped; --json shows "
                      "all.")
