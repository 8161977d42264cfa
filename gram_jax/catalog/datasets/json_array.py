"""The elements of a JSON array one by one, so that a file of any length takes little memory."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from gram_jax.core.errors import InputError

_CHUNK = 1 << 20
_OF_NUMBERS = re.compile(r"[0-9+\-.eE]*")
_SPACE = re.compile(r"[ \t\n\r]*")


def json_array(text: IO[str], path: Path) -> Iterator[tuple[int, Any]]:
    """Yields the 1-based line at which each element begins, and the element.

    Args:
      text: the array, and nothing but white space around it.
      path: where it comes from, for messages.

    Raises:
      InputError: the text is no array, or is cut off.
    """
    window = _Window(text, path)
    window.take("[")
    if window.next() == "]":
        window.take("]")
    else:
        while True:
            window.next()
            yield window.line, window.element()
            if window.take(",]") == "]":
                break
    if left := window.next():
        raise window.fault(f"{left!r} follows the array")


class _Window:
    """The part of the text that is in memory, and the place up to which it has been read."""

    def __init__(self, text: IO[str], path: Path):
        self._text, self._path = text, path
        self._buffer, self._at = "", 0
        self._decoder = json.JSONDecoder()
        self.line = 1

    def next(self) -> str:
        """The next character that is no white space; '' at the end."""
        while True:
            self._move(_SPACE.match(self._buffer, self._at).end())
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._read_more():
                return ""

    def take(self, allowed: str) -> str:
        """Passes the next character, which must be one of those allowed."""
        found = self.next()
        if not found or found not in allowed:
            raise self.fault(f"{found!r} stands where {' or '.join(map(repr, allowed))} belongs"
                             if found else "the array is cut off")
        self._move(self._at + 1)
        return found

    def element(self) -> Any:
        """Passes one JSON value."""
        while True:
            try:
                element, end = self._decoder.raw_decode(self._buffer, self._at)
            except (ValueError, RecursionError) as error:
                if not self._read_more():
                    raise self.fault(f"an element is damaged or cut off ({error})") from error
                continue
            # '1' may be the beginning of '1.5' where only a part of the text is in memory.
            if isinstance(element, int | float) and self._read_more_than_number(end):
                continue
            self._move(end)
            return element

    def fault(self, problem: str) -> InputError:
        """The error to raise at the place read up to."""
        return InputError(problem, path=self._path, line=self.line,
                          remedy="Fetch the file again; it must hold one JSON array.")

    def _read_more_than_number(self, end: int) -> bool:
        """Whether the number that ends at `end` could go on, and more was read to see."""
        ends_there = _OF_NUMBERS.match(self._buffer, end).end() == len(self._buffer)
        return ends_there and self._read_more()

    def _move(self, end: int) -> None:
        self.line += self._buffer.count("\n", self._at, end)
        self._at = end

    def _read_more(self) -> bool:
        # As much as is there already, so that a long element is not tried too many times.
        more = self._text.read(max(_CHUNK, len(self._buffer) - self._at))
        self._buffer, self._at = self._buffer[self._at:] + more, 0
        return bool(more)
