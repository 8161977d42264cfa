"""The trained model of a workdir under another library's names: `gram export-model`."""

from pathlib import Path

from gram_jax.core.errors import ArtifactError
from gram_jax.interop.huggingface_t5 import write_huggingface_t5
from gram_jax.interop.t5x import write_t5x
from gram_jax.pipeline.trained import TRAININGS, load_trained
from gram_jax.pipeline.workdir import Workdir
from gram_jax.text.vocabulary_files import load_vocabulary

_WRITERS = {"huggingface": write_huggingface_t5, "t5x": write_t5x}


def export_model(workdir: Workdir, output: Path, *, form: str) -> str:
    """Writes the model that the last finished training of a workdir left, with its vocabulary.

    Args:
      workdir: of an experiment.
      output: the folder to write.
      form: 'huggingface', a folder that transformers loads, or 't5x', a folder with checkpoint_0,
        a native checkpoint of T5X.

    Returns:
      The name of that training.

    Raises:
      ArtifactError: nothing was trained in the workdir.
      ConfigError: the other library has no such model: its encoder is BERT's.
    """
    finished = [name for name in TRAININGS if workdir.manifest(name) is not None]
    if not finished:
        raise ArtifactError(f"{workdir.path} has no trained model. Run it: gram train "
                            f"--workdir={workdir.path} --gin_file=...")
    config, params = load_trained(workdir.folder(finished[-1]))
    vocabulary = load_vocabulary(workdir.require("vocabulary") / "vocabulary.model")
    _WRITERS[form](output, params, config, vocabulary)
    return finished[-1]
