"""Training examples on disk: a text and the codes it should generate, one JSON object a line.

This is what mining hands to the data pipeline. Texts carry no prompt prefix.
"""

import dataclasses
import json
import os
from collections.abc import Iterable, Iterator

from gram_jax.core.atomic import atomic_file
from gram_jax.core.errors import ArtifactError
from gram_jax.core.records import Product
from gram_jax.text.normal_form import words


@dataclasses.dataclass(frozen=True, slots=True)
class CodeExample:
    """The codes which the text of a query or of a product should generate, best first."""

    example_id: str
    text: str
    codes: tuple[str, ...]


def product_text(product: Product) -> str:
    """What the product-code generator reads: the title, and brands that the title leaves out."""
    title = f" {' '.join(words(product.title))} "
    brands = [value for field, values in sorted(product.attributes.items())
              if field.casefold() == "brand" for value in values]
    missing = [brand for brand in brands if f" {' '.join(words(brand))} " not in title]
    return " ".join([product.title, *missing])


def write_code_examples(path: str | os.PathLike, examples: Iterable[CodeExample]) -> int:
    """Writes the examples as JSON lines, whole or not at all, and returns how many there were."""
    count = 0
    with atomic_file(path) as stream:
        for example in examples:
            row = {"id": example.example_id, "text": example.text, "codes": list(example.codes)}
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count


def read_code_examples(path: str | os.PathLike) -> Iterator[CodeExample]:
    """Reads what `write_code_examples` wrote, in its order.

    Raises:
      ArtifactError: the file is missing, or a line is not an example.
    """
    try:
        # Read by "\n" alone: a text may hold other characters that split lines.
        with open(path, encoding="utf-8", newline="\n") as stream:
            for number, line in enumerate(stream, start=1):
                yield _parse(line, f"{path}, line {number}")
    except FileNotFoundError as error:
        raise ArtifactError(f"{path} is missing: run the codes stage again") from error
    except UnicodeDecodeError as error:
        raise ArtifactError(f"{path} is not UTF-8: run the codes stage again") from error


def _parse(line: str, place: str) -> CodeExample:
    try:
        row = json.loads(line)
        codes = tuple(row["codes"])
        if not all(isinstance(text, str) for text in (row["id"], row["text"], *codes)):
            raise TypeError("id, text and codes are strings")
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{place} is not a code example ({error})") from error
    return CodeExample(row["id"], row["text"], codes)
