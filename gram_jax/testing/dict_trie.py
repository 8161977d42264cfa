"""The trie as nested dictionaries: slow, plain, and what the device trie is checked against.

Knows token ids; nothing of arrays.
"""

from collections.abc import Sequence


class DictTrie:
    """A prefix trie over codes, each of which ends with EOS.

    Args:
      code_tokens: the tokens of each code, without EOS.
      eos_id: the token that ends a code.
    """

    def __init__(self, code_tokens: Sequence[Sequence[int]], *, eos_id: int):
        self.eos_id = eos_id
        self._root: dict = {}
        self._code_ids: dict[tuple[int, ...], int] = {}
        for code_id, tokens in enumerate(code_tokens):
            node = self._root
            for token in (*tokens, eos_id):
                node = node.setdefault(token, {})
            self._code_ids[*tokens, eos_id] = code_id

    def allowed(self, prefix: Sequence[int]) -> list[int]:
        """The tokens that may follow `prefix`: EOS first, the others rising; none if unknown."""
        node = self._root
        for token in prefix:
            node = node.get(token, {})
        return sorted(node, key=lambda token: (token != self.eos_id, token))

    def code_id(self, tokens: Sequence[int]) -> int | None:
        """The code that is exactly `tokens`, EOS included, or None."""
        return self._code_ids.get(tuple(tokens))

    def codes(self) -> dict[tuple[int, ...], int]:
        """Every code, as its tokens with EOS, and its id."""
        return dict(self._code_ids)
