"""A vocabulary without a model: it spells texts of numbers."""

from collections.abc import Sequence


class NumeralVocabulary:
    """Implements `core.protocols.Vocabulary`: the word '7' is token 9, other words are dropped."""

    vocab_size = output_vocab_size = 64
    eos_id = 1
    start_ids = ()

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of the words that are numbers."""
        return [[2 + int(word) for word in text.split() if word.isdigit()] for text in texts]

    def decode(self, token_ids: Sequence[Sequence[int]]) -> list[str]:
        """The numbers of each sequence."""
        return [" ".join(str(token - 2) for token in row if token > 1) for row in token_ids]
