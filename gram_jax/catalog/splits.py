"""Which queries are held out: decided by a hash of their text, so that it never depends on order.

The same query lands in the same split whatever else a file holds, also after rows are added.
"""

import hashlib
import unicodedata
from collections.abc import Iterable


def query_key(text: str) -> str:
    """What makes two query texts the same query: NFKC, case folded, white space collapsed."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def hash_share(key: str, salt: str) -> float:
    """A number in [0, 1) that looks uniform over keys and is always the same for one of them."""
    digest = hashlib.sha256(f"{salt}\x00{key}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def split_by_hash(key: str, *, salt: str, tune_share: float, test_share: float) -> str:
    """'test', 'tune' or 'train', in these shares over many keys.

    Examples:
      >>> split_by_hash("baby buggy", salt="gram", tune_share=0.1, test_share=0.1)
      'tune'
      >>> split_by_hash("drill", salt="gram", tune_share=0.1, test_share=0.1)
      'train'
    """
    share = hash_share(key, salt)
    if share < test_share:
        return "test"
    return "tune" if share < test_share + tune_share else "train"


def hold_out(keys: Iterable[str], *, count: int, salt: str) -> frozenset[str]:
    """The `count` keys of lowest hash (all, where there are fewer)."""
    ranked = sorted(set(keys), key=lambda key: (hash_share(key, salt), key))
    return frozenset(ranked[:count])
