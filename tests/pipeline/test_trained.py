"""What comes after training reads the last training that the experiment has."""

import itertools

import jax
import numpy as np
import pytest

from gram_jax.core.errors import ArtifactError
from gram_jax.pipeline.stage import StageContext
from gram_jax.pipeline.trained import TRAININGS, load_trained, save_trained, trained_folder
from gram_jax.pipeline.workdir import Workdir
from gram_jax.testing.tiny_model import tiny_config, tiny_params


def context_of(tmp_path, names):
    workdir = Workdir(tmp_path)
    return StageContext(workdir, tmp_path / "index.unfinished", False,
                        lambda iterable, description, total: iterable, print,
                        {name: workdir.folder(name) for name in names})


@pytest.mark.parametrize("later", [
    *itertools.chain.from_iterable(itertools.combinations(TRAININGS[1:], n) for n in range(3))])
def test_the_last_one_counts_in_whatever_order_they_are_named(tmp_path, later):
    last = later[-1] if later else "train"
    for names in itertools.permutations(("codes", "train", *later)):
        assert trained_folder(context_of(tmp_path, names)) == tmp_path / last


def test_a_model_comes_back_as_it_was(tmp_path):
    config = tiny_config(dropout_rate=0.1)
    params = tiny_params(config)
    save_trained(tmp_path, config, params)
    assert {file.name for file in tmp_path.iterdir()} == {"params.npz", "model.json"}
    found, loaded = load_trained(tmp_path)
    assert found == config
    jax.tree.map(np.testing.assert_array_equal, loaded, params)


@pytest.mark.parametrize("damage", [
    lambda folder: (folder / "model.json").unlink(),
    lambda folder: (folder / "model.json").write_text('{"vocab_size": 3}'),
    lambda folder: (folder / "params.npz").unlink(),
    lambda folder: save_trained(folder, tiny_config(num_decoder_layers=2), tiny_params())])
def test_a_missing_damaged_or_foreign_part_is_refused(tmp_path, damage):
    save_trained(tmp_path, tiny_config(), tiny_params())
    damage(tmp_path)
    with pytest.raises(ArtifactError):
        load_trained(tmp_path)
