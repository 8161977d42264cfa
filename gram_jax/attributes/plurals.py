"""The singular of English plurals: 'sinks' is 'sink', 'shelves' 'shelf'; 'canvas' stays."""

import functools

_SINGULAR = {"knives": "knife", "shelves": "shelf", "leaves": "leaf", "wolves": "wolf",
             "halves": "half", "children": "child", "childrens": "child", "feet": "foot",
             "mice": "mouse", "teeth": "tooth"}
_NO_PLURAL = frozenset([
    "adidas", "always", "asics", "atlas", "canvas", "chaos", "christmas", "cosmos", "dallas", "gps",
    "kansas", "kids", "lens", "molasses", "news", "series", "species", "texas", "towards"])


@functools.lru_cache(maxsize=1 << 16)
def fold_plural(word: str) -> str:
    """The singular of an English plural; other words as they are. Folding twice changes nothing."""
    if word in _SINGULAR:
        return _SINGULAR[word]
    if len(word) < 4 or not word.endswith("s") or word in _NO_PLURAL or not word.isascii() \
            or not word.isalpha() or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zzes")):
        return word[:-2]
    return word[:-1]
