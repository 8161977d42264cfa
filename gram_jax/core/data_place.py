"""A place in a stream of training data belongs to that stream: the check that all streams make."""

from collections.abc import Mapping

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
