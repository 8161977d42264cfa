"""Slips of the finger: what a typed text could look like. Knows letters only."""

import string

import numpy as np

_SHORTEST = 4
"""Shorter words are typed right, and a slip in one makes another word."""


def mistype(text: str, rng: np.random.Generator) -> str:
    """The text with one slip in one of its words of letters, if it has one of at least four.

    Two neighbours change places, or a letter is left out, typed twice, or replaced by another: the
    edits of Damerau (1964), of which most misspelled words have just one.

    Args:
      text: in normal form.
      rng: draws the word, the place and the slip.
    """
    typed = text.split(" ")
    able = [at for at, word in enumerate(typed) if len(word) >= _SHORTEST and word.isalpha()]
    if not able:
        return text
    at = int(rng.choice(able))
    typed[at] = _slip(typed[at], rng)
    return " ".join(typed)


def _slip(word: str, rng: np.random.Generator) -> str:
    # The first letter is seldom wrong; the last one has no neighbour to change places with.
    place = int(rng.integers(1, len(word) - 1))
    before, letter, after = word[:place], word[place], word[place + 1:]
    return before + (after[0] + letter + after[1:], after, letter + letter + after,
                     str(rng.choice(list(string.ascii_lowercase))) + after)[rng.integers(4)]
