"""A scoring head on disk: what it is as JSON, and beside it what it learned as arrays."""

import json
import zipfile
from pathlib import Path

import jax
import numpy as np

from gram_jax.core.atomic import atomic_file
from gram_jax.core.errors import ArtifactError
from gram_jax.models.code_score import CodeScoreParams
from gram_jax.models.learned_score import EmbeddingMaps, LearnedScoreParams
from gram_jax.retrieval.scoring import ScoringHead

_MAPS = "maps/"


def save_scoring(path: Path, scoring: ScoringHead) -> None:
    """Writes `path`.npz and then `path`.json; folders above are made."""
    fields: dict[str, object] = {"head": scoring.head, "reduce": scoring.reduce}
    if isinstance(scoring.params, LearnedScoreParams):
        fields |= {"features": scoring.params.features, "num_scored": scoring.params.num_scored}
    leaves, _ = jax.tree_util.tree_flatten_with_path(scoring.params)
    with atomic_file(path.with_suffix(".npz"), "wb") as stream:
        np.savez(stream, **{jax.tree_util.keystr(name, simple=True, separator="/"):
                            np.asarray(array, np.float32) for name, array in leaves})
    with atomic_file(path.with_suffix(".json")) as stream:
        json.dump(fields, stream, indent=1)
        stream.write("\n")


def load_scoring(path: Path) -> ScoringHead:
    """Reads what `save_scoring` wrote.

    Raises:
      ArtifactError: a file is missing or damaged.
    """
    try:
        fields = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        with np.load(path.with_suffix(".npz"), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        if "features" not in fields:
            return ScoringHead(fields["head"], fields["reduce"], CodeScoreParams(**arrays))
        maps = {name.removeprefix(_MAPS): arrays.pop(name) for name in list(arrays)
                if name.startswith(_MAPS)}
        return ScoringHead(fields["head"], fields["reduce"], LearnedScoreParams(
            **arrays, maps=EmbeddingMaps(**maps) if maps else None,
            features=tuple(fields["features"]), num_scored=fields["num_scored"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError,
            zipfile.BadZipFile) as error:
        raise ArtifactError(f"{path}: this is not a whole scoring head ({error!r}). "
                            "Run the stage 'index' again.") from error
