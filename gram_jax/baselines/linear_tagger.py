"""A plain linear tagger: a first-order CRF over hand-made features, by CRFsuite.

The peer of the network: the same words, the same tags, no representation learned. Needs
python-crfsuite (extra `baselines`). Knows types by the tag set it is given.
"""

import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from gram_jax.attributes.annotations import AnnotatedText
from gram_jax.attributes.tags import TagSet
from gram_jax.attributes.text_spans import TextSpan
from gram_jax.attributes.word_features import shape
from gram_jax.text.word_places import word_places


class LinearTagger:
    """A trained tagger.

    Args:
      model: the bytes of a CRFsuite model.
      tag_set: the tags it was trained on.
    """

    def __init__(self, model: bytes, tag_set: TagSet):
        import pycrfsuite

        # CRFsuite reads the model where it lies: it must outlive the tagger.
        self._model = model
        self._tagger, self._tag_set = pycrfsuite.Tagger(), tag_set
        self._tagger.open_inmemory(model)

    @classmethod
    def train(cls, texts: Iterable[AnnotatedText], tag_set: TagSet, *, l1: float = 0.1,
              l2: float = 0.01, max_iterations: int = 100) -> "LinearTagger":
        """Fits the weights by L-BFGS.

        Args:
          texts: what it learns from.
          tag_set: the tags.
          l1: weight of the sum of absolute weights.
          l2: weight of the sum of squares.
          max_iterations: of L-BFGS.
        """
        import pycrfsuite

        trainer = pycrfsuite.Trainer(verbose=False)
        trainer.select("lbfgs")
        trainer.set_params({"c1": l1, "c2": l2, "max_iterations": max_iterations,
                            "feature.possible_transitions": False})
        for text in texts:
            places = word_places(text.text)
            tags = tag_set.tags_of(text.word_spans(places), len(places))
            if places:
                trainer.append(word_context_features(text.text, places), [str(tag) for tag in tags])
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model"
            trainer.train(os.fspath(path))
            return cls(path.read_bytes(), tag_set)

    def tag(self, text: str) -> tuple[TextSpan, ...]:
        """The spans of a text, by place."""
        places = word_places(text)
        if not places:
            return ()
        tags = _begun(self._tagger.tag(word_context_features(text, places)))
        return tuple(TextSpan(places[start][0], places[end - 1][1], attribute)
                     for start, end, attribute in self._tag_set.spans_of(tags))


def _begun(tags: Iterable[str]) -> list[int]:
    """Tags whose every I continues something: one that does not is read as the B of its type.

    CRFsuite gives a step that it never saw the weight 0, not minus infinity.
    """
    begun: list[int] = []
    for tag in map(int, tags):
        inside = tag > 0 and tag % 2 == 0
        starts = inside and (not begun or begun[-1] not in (tag - 1, tag))
        begun.append(tag - 1 if starts else tag)
    return begun


def word_context_features(text: str, places: Sequence[tuple[int, int]]) -> list[list[str]]:
    """For every word: itself, its ends and shape; two words to each side; pairs with them."""
    words = [text[start:end] for start, end in places]
    folded = [word.casefold() for word in words]
    shapes = [shape(word) for word in words]
    features = []
    for at, word in enumerate(folded):
        own = ["bias", f"w={word}", f"W={words[at]}", f"s={shapes[at]}",
               f"n={min(len(word), 8)}", f"glued={at > 0 and places[at][0] == places[at - 1][1]}"]
        own += [f"p{size}={word[:size]}" for size in (1, 2, 3, 4) if len(word) > size]
        own += [f"e{size}={word[-size:]}" for size in (1, 2, 3, 4) if len(word) > size]
        for offset in (-2, -1, 1, 2):
            inside = 0 <= at + offset < len(words)
            other = folded[at + offset] if inside else "<end>"
            own += [f"{offset}w={other}", f"{offset}s={shapes[at + offset] if inside else '-'}"]
            if abs(offset) == 1:
                own += [f"{offset}pair={word} {other}", f"{offset}e3={other[-3:]}"]
        own.append("between=" + " ".join([folded[at - 1] if at else "<end>",
                                          folded[at + 1] if at + 1 < len(words) else "<end>"]))
        own.append(f"place={min(at, 3)}")
        features.append(own)
    return features
