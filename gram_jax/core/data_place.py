"""A place in a stream of training data belongs to that stream: the check that all streams make, and
the place of those whose batch n is a function of n.
"""

from collections.abc import Mapping
from typing import ClassVar

from gram_jax.core.errors import ArtifactError


def check_place(position: Mapping, stream: str, *, data: str, settings: str,
                doing: str = "train") -> None:
    """Raises where a place was taken in another stream than the one that is to go on from it.

    Args:
      position: as a stream's `position()` gave it, with the digest of its stream.
      stream: the digest of the stream at hand.
      data: what the stream is made of, for the message.
      settings: what may have changed, for the message.
      doing: what goes on elsewhere with what was changed.

    Raises:
      ArtifactError: the digests differ.
    """
    if (taken_in := position.get("stream")) != stream:
        raise ArtifactError(
            f"a place in {data} {taken_in} cannot be found in {data} {stream}: {settings} are not "
            f"what they were; bind what they were, or {doing} in another workdir")


class NumberedBatches:
    """A stream whose batch n is a function of n alone: its place is the number of the next batch.

    A subclass says what it is made of and what may have changed (both for the message of an
    error), sets `_stream` to the digest of all that its batches depend on, and counts `_number`.
    """

    data: ClassVar[str]
    settings: ClassVar[str]
    _stream: str
    _number: int = 0

    def position(self) -> dict:
        """The place in the data, as JSON."""
        return {"number": self._number, "stream": self._stream}

    def seek(self, position: Mapping) -> None:
        """Goes on from where `position()` was taken, bit for bit.

        Raises:
          ArtifactError: the position belongs to other data or to other settings.
        """
        check_place(position, self._stream, data=self.data, settings=self.settings)
        self._number = position["number"]
