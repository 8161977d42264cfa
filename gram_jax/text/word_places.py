"""The words of a text as it was typed, and where each stands.

Unlike `normal_form.words`, nothing is folded or dropped: a span of these words is a span of
characters of the text itself, and punctuation, which divides titles into their parts, stays.
Knows nothing of attributes.
"""

import functools
import re
import unicodedata

_UNSPACED = ("\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
             "\uf900-\ufaff")
"""Thai, Lao, Burmese, Khmer, Kana and Han: written without spaces, so each letter is a word."""


def word_places(text: str) -> list[tuple[int, int]]:
    """(start, end) of every word, in order, in characters of `text`.

    A word is a run of letters of one script with their combining marks, a run of digits (a number
    keeps '.', ',' and '/' between digits), or any other visible character alone. Letters and
    digits that touch are words of their own: '12oz' is '12', 'oz'. In scripts written without
    spaces every letter is a word.
    """
    return [match.span() for match in _pattern().finditer(text)]


@functools.cache
def _pattern() -> re.Pattern:
    """Built on first use: the `re` module has no class for combining marks, so they are listed."""
    marks = "".join(
        chr(c)
        for planes in (range(0x300, 0x20000), range(0xE0100, 0xE01F0))
        for c in planes
        if unicodedata.category(chr(c)).startswith("M")
    )
    letter = rf"[^\W\d_{_UNSPACED}]"
    return re.compile(
        rf"\d+(?:[.,/]\d+)*|{letter}(?:{letter}|[{marks}])*|\S[{marks}]*"
    )
