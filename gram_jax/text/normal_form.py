"""The one normal form of text, and its words.

Everything that compares text (vocabulary, attributes, BM25, the simulator's statistics) reads it
through these two functions, so that a query and a product meet however they were typed. Knows
nothing of tokens, attributes or languages.
"""

import functools
import re
import unicodedata

_CONTROL_CATEGORIES = frozenset({"Cc", "Cf", "Cs"})
_ASCII_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1b\x7f]")
# NFKC would glue '1½' to '11/2'; sellers write '1-1/2'.
_FRACTION_AFTER_DIGIT = re.compile(r"(?<=\d)(?=[\u00bc-\u00be\u2150-\u215f\u2189])")
# U+2581 is how SentencePiece spells a space, so a literal one could not be told from a space;
# U+2044 is the slash that NFKC leaves inside fractions.
_REPLACED = str.maketrans({"\u2581": " ", "\u2044": "/"})


def normalize_text(text: str) -> str:
    """The normal form of `text`.

    Unicode NFKC, case folded, controls and other invisible characters removed, runs of white
    space made one space, none at the ends. Idempotent. Fractions come out as digits: '1½' is
    '1-1/2'.

    Examples:
      >>> normalize_text("  Men's\\tTRAIL Shoe 1½ in ")
      "men's trail shoe 1-1/2 in"
    """
    if text.isascii():
        # \x1c-\x1f are controls that `split` takes for white space, as it should.
        if not text.isprintable():
            text = _ASCII_CONTROLS.sub("", text)
        return " ".join(text.lower().split())
    return _normalize_unicode(text)


def _normalize_unicode(text: str) -> str:
    visible = " ".join(text.split())
    if not visible.isprintable():
        visible = "".join(
            c for c in visible if unicodedata.category(c) not in _CONTROL_CATEGORIES
        )
    text = unicodedata.normalize("NFKC", _FRACTION_AFTER_DIGIT.sub("-", visible))
    # Folding case can undo the composition, and composing can bring out a character that folds
    # again; the second round is a fixed point.
    for _ in range(2):
        text = unicodedata.normalize("NFKC", text.casefold())
    return " ".join(text.translate(_REPLACED).split())


def words(text: str) -> list[str]:
    """The words of `text`'s normal form, in order.

    A word is a run of letters and digits of any script with their combining marks. A number
    keeps '.', '/' and '-' between digits ('5.5', '1/2', '1-1/2') and stands apart from the
    letters after it ('12ft' is '12', 'ft'; '2x4' is '2', 'x', '4'), while digits after letters
    stay ('m18'). An apostrophe inside a word is dropped ('men's' is 'mens'). Scripts written
    without spaces give one word a run.

    Examples:
      >>> words("Men's M18 drill 12ft 1-1/2")
      ['mens', 'm18', 'drill', '12', 'ft', '1-1/2']
    """
    return words_of_normal_form(normalize_text(text))


def words_of_normal_form(text: str) -> list[str]:
    """What `words` returns, for a text that is in normal form already."""
    if text.isascii():
        if "'" in text:
            text = _ASCII_APOSTROPHES.sub("", text)
        return _ASCII_WORDS.findall(text)
    return _unicode_words(text)


def _unicode_words(text: str) -> list[str]:
    return _word_pattern().findall(_APOSTROPHES.sub("", text))


# What the patterns below come down to where only ASCII is left, many times as fast.
_ASCII_WORDS = re.compile(r"[0-9]+(?:[./-][0-9]+)*|(?<=[0-9])[a-z]+|[a-z][a-z0-9]*")
_ASCII_APOSTROPHES = re.compile(r"(?<=[a-z])'(?=[a-z])")
_APOSTROPHES = re.compile(r"(?<=[^\W\d_])['\u2019\u02bc](?=[^\W\d_])")


@functools.cache
def _word_pattern() -> re.Pattern:
    """Built on first use: the `re` module has no class for combining marks, so they are listed."""
    marks = "".join(
        chr(c)
        for planes in (range(0x300, 0x20000), range(0xE0100, 0xE01F0))
        for c in planes
        if unicodedata.category(chr(c)).startswith("M")
    )
    letter = rf"(?:[^\W\d_][{marks}]*)"
    return re.compile(
        rf"\d+(?:[./-]\d+)*|(?<=\d){letter}+|{letter}(?:[^\W_][{marks}]*)*|[{marks}]+"
    )
