"""Files of annotated texts: titles with their attributes, and QueryNER's tagged queries.

Rows are read by `catalog.readers` and checked one by one; a bad row is refused with file, line
and remedy. What a source calls its attributes is mapped by `attributes.source_fields`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gram_jax.attributes.annotations import AnnotatedText, annotate
from gram_jax.attributes.source_fields import SourceFields, source_fields
from gram_jax.attributes.text_spans import TextSpan, span_values
from gram_jax.catalog.readers import read_rows
from gram_jax.catalog.validation import (
    BadRow,
    BadRows,
    id_field,
    merged_attributes,
    optional_id_field,
    text_field,
)
from gram_jax.core.errors import ConfigError, InputError
from gram_jax.text.word_places import word_places

_CONLL = (".txt", ".conll", ".bio")
_LABELS = ("labels", "ner_tags", "tags")


def read_annotated_titles(path: str | Path, *, on_bad_rows: str = "refuse") -> list[AnnotatedText]:
    """Reads rows of title, source, attributes {name: [values]} and, if they have it, id.

    Every value is marked where the title spells it; one that the title does not spell stays among
    the text's values.

    Args:
      path: in any format of `catalog.readers`.
      on_bad_rows: 'refuse' or 'skip'.

    Raises:
      InputError: the file or, when refused, a row is bad; or no row is left.
      ConfigError: `on_bad_rows` is neither.
    """
    path, bad_rows = Path(path), BadRows(on_bad_rows)
    texts: list[AnnotatedText] = []
    lines: dict[str, int] = {}
    for row in read_rows(path, required=("title", "source", "attributes")):
        try:
            if row.bad:
                raise row.bad
            text_id = optional_id_field(row.values, "id") or f"{path.name}:{row.line}"
            _check_new(text_id, row.line, lines)
            texts.append(_annotated_title(text_id, row.values))
        except BadRow as bad:
            bad_rows.handle(bad, kind="annotations", path=path, line=row.line)
    return _some(texts, path)


def _annotated_title(text_id: str, values: Mapping[str, Any]) -> AnnotatedText:
    title = text_field(values, "title")
    source = text_field(values, "source")
    try:
        fields = source_fields(source)
    except ConfigError as unknown:
        raise BadRow("unknown source", str(unknown),
                     "Use the name of a known source, or add yours to source_fields.json.") \
            from unknown
    named = merged_attributes(values, ())
    pairs = [(_type_of(fields, name), value) for name, found in named.items() for value in found]
    return annotate(text_id, source, title, [(attribute, value) for attribute, value in pairs
                                             if attribute is not None])


def _type_of(fields: SourceFields, name: str) -> str | None:
    try:
        return fields.type_of(name)
    except KeyError:
        raise BadRow("unknown attribute name",
                     f"{fields.source} has no attribute called {name!r}",
                     "Correct the name, or map it in source_fields.json.") from None


def read_query_ner(path: str | Path, *, queries: Mapping[str, str] | None = None,
                   on_bad_rows: str = "refuse") -> list[AnnotatedText]:
    """Reads QueryNER (Palen-Michel et al., LREC-COLING 2024) in any form it is handed out in.

    The assembled form has one `token<TAB>label` a line and a blank line between queries (.txt,
    .conll or .bio). The published form is JSON lines of `example_id` and `labels`, whose queries
    are those of ESCI. A converted form has rows of `tokens` and of `ner_tags`, `labels` or `tags`.

    Args:
      path: the file.
      queries: ESCI's example_id -> query, where the file does not hold the queries.
      on_bad_rows: 'refuse' or 'skip'.

    Raises:
      InputError: the file or, when refused, a row is bad; or no row is left.
      ConfigError: `on_bad_rows` is neither.
    """
    path, bad_rows = Path(path), BadRows(on_bad_rows)
    rows = _conll_rows(path) if path.suffix in _CONLL else _tagged_rows(path, queries)
    texts: list[AnnotatedText] = []
    lines: dict[str, int] = {}
    for line, row in rows:
        try:
            if isinstance(row, BadRow):
                raise row
            text_id, tokens, labels = row
            text_id = text_id or f"{path.name}:{line}"
            _check_new(text_id, line, lines)
            texts.append(text_of_tags(text_id, "queryner", tokens, labels))
        except BadRow as bad:
            bad_rows.handle(bad, kind="annotations", path=path, line=line)
    return _some(texts, path)


def text_of_tags(text_id: str, source: str, tokens: Sequence[str],
                 labels: Sequence[str]) -> AnnotatedText:
    """A text of tokens joined by spaces, with BIO labels as spans.

    Raises:
      BadRow: the labels do not fit the tokens, are no BIO labels, or name an unknown type.
    """
    if not tokens or len(tokens) != len(labels):
        raise BadRow("tokens without labels", f"there are {len(tokens)} tokens and {len(labels)} "
                     "labels", "Give every token one label.")
    fields = source_fields(source)
    text, spans, before = "", [], "O"
    for token, label in zip(tokens, labels):
        text += (" " if text else "") + token
        bio, _, name = label.partition("-")
        if bio not in ("B", "I") or not name:
            if label != "O":
                raise BadRow("not a BIO label", f"{label!r} is no label", "Use O, B-x or I-x.")
        elif bio == "I" and before.partition("-")[2] != name:
            raise BadRow("I without B", f"{label!r} follows {before!r}",
                         "Begin every span with B.")
        else:
            attribute = _type_of(fields, name)
            if bio == "I" and attribute is not None:
                spans[-1] = TextSpan(spans[-1].start, len(text), attribute)
            elif attribute is not None:
                spans.append(TextSpan(len(text) - len(token), len(text), attribute))
        before = label
    places = word_places(text)
    starts, ends = {start for start, _ in places}, {end for _, end in places}
    kept = tuple(span for span in spans if span.start in starts and span.end in ends)
    return AnnotatedText(text_id, source, text, kept, span_values(text, spans))


_TaggedRow = tuple[str | None, list[str], list[str]]


def _conll_rows(path: Path) -> Iterator[tuple[int, _TaggedRow | BadRow]]:
    """(line of the first token, row) of every block of lines."""
    try:
        content = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"the file cannot be read ({error.strerror})", path=path,
                         remedy="Check the path.") from error
    except UnicodeDecodeError as error:
        raise InputError("the file is not UTF-8", path=path,
                         remedy="Save it as UTF-8.") from error
    tokens: list[str] = []
    labels: list[str] = []
    bad: BadRow | None = None
    # Only line feeds end a line: tokens of real queries hold other separators.
    lines = [*content.split("\n"), ""]
    for number, line in enumerate(lines, start=1):
        token, tab, label = line.rstrip("\r").partition("\t")
        if not token and not tab:
            if tokens or bad:
                yield number - max(len(tokens), 1), bad or (None, tokens, labels)
            tokens, labels, bad = [], [], None
        elif not tab or not token or not label.strip():
            bad = bad or BadRow("not a token and a label", f"the line is {line[:60]!r}",
                                "Write a token, a tab and its label.")
        else:
            tokens.append(token)
            labels.append(label.strip())


def _tagged_rows(path: Path, queries: Mapping[str, str] | None
                 ) -> Iterator[tuple[int, _TaggedRow | BadRow]]:
    for row in read_rows(path):
        try:
            if row.bad:
                raise row.bad
            yield row.line, _tagged_row(row.values, queries)
        except BadRow as bad:
            yield row.line, bad


def _tagged_row(values: Mapping[str, Any], queries: Mapping[str, str] | None) -> _TaggedRow:
    name = next((name for name in _LABELS if name in values), None)
    if name is None:
        raise BadRow("missing labels", f"the row has none of {', '.join(_LABELS)}",
                     "Give every row its labels.")
    labels = _texts(values, name)
    if "tokens" in values:
        return optional_id_field(values, "example_id"), _texts(values, "tokens"), labels
    example_id = id_field(values, "example_id")
    if queries is None or example_id not in queries:
        raise BadRow("unknown example_id", f"no query is known for example_id {example_id}",
                     "QueryNER's labels go with ESCI's queries: give ESCI's examples file.")
    return example_id, queries[example_id].split(), labels


def _texts(values: Mapping[str, Any], name: str) -> list[str]:
    found = values[name]
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise BadRow(f"wrong type of {name}", f"{name} is not a list of texts",
                     "Write label names such as 'B-color', not their numbers.")
    return found


def _check_new(text_id: str, line: int, lines: dict[str, int]) -> None:
    if lines.setdefault(text_id, line) != line:
        raise BadRow("duplicate id", f"id {text_id!r} was in line {lines[text_id]} already",
                     "Give every text its own id.")


def _some(texts: Iterable[AnnotatedText], path: Path) -> list[AnnotatedText]:
    texts = list(texts)
    if not texts:
        raise InputError("no row is left", path=path, remedy="Mend the rows.")
    return texts
