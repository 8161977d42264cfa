import dataclasses
import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gram_jax.core.errors import ArtifactError
from gram_jax.partitioning.partitioner import Partitioner
from gram_jax.training.checkpoints import Checkpoints
from gram_jax.training.optimizers import adamw
from gram_jax.training.schedules import warmup_constant
from gram_jax.training.train_state import abstract_train_state, init_train_state

POSITION = {"number": 7, "nested": {"shards": [1, 2]}}
METADATA = {"data": "0123", "sizes": (1, 2)}


@pytest.fixture
def run(toy):
    """(state, abstract state) of the toy."""
    optimizer = adamw(warmup_constant(peak=1e-3))
    abstract = abstract_train_state(
        toy.params, toy.logical_axes, optimizer, Partitioner(toy.mesh))
    return init_train_state(toy.params, optimizer, 3, abstract), abstract


def at_step(state, step):
    return dataclasses.replace(state, step=jnp.int32(step))


def save(folder, state, *steps, metadata=METADATA, **options):
    with Checkpoints(folder, metadata=metadata, **options) as checkpoints:
        for step in steps:
            checkpoints.save(at_step(state, step), POSITION)


def restore(folder, abstract, metadata=METADATA):
    with Checkpoints(folder, metadata=metadata) as checkpoints:
        return checkpoints.restore_latest(abstract)


def bits(state):
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(state)]


def test_the_latest_comes_back_bit_for_bit_with_its_place_in_the_data(run, tmp_path):
    state, abstract = run
    save(tmp_path, state, 1, 2, 10)
    restored = restore(tmp_path, abstract)
    assert bits(restored.state) == bits(at_step(state, 10))
    assert restored.position == POSITION
    assert jax.tree.map(lambda array: array.sharding, restored.state) == jax.tree.map(
        lambda array: array.sharding, abstract)


def test_an_empty_folder_has_nothing_to_restore(run, tmp_path):
    assert restore(tmp_path / "missing", run[1]) is None


def test_the_latest_few_are_kept(run, tmp_path):
    save(tmp_path, run[0], 1, 2, 3, 4, max_to_keep=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["00000003", "00000004"]
    with pytest.raises(ValueError, match="max_to_keep 0"):
        Checkpoints(tmp_path, metadata={}, max_to_keep=0)


def test_the_best_is_kept_until_another_is_the_best(run, tmp_path):
    state, abstract = run
    best = {1: 1, 2: 1, 3: 1, 4: 1, 5: 5, 6: 5}
    with Checkpoints(tmp_path, metadata=METADATA, max_to_keep=1) as checkpoints:
        kept = []
        for step, best_step in best.items():
            checkpoints.save(at_step(state, step), POSITION, best_step=best_step,
                             memory={"best": best_step})
            checkpoints.wait()
            kept.append(checkpoints.steps())
        assert kept == [[1], [1, 2], [1, 3], [1, 4], [5], [5, 6]]
        assert bits(checkpoints.restore(5, abstract).state) == bits(at_step(state, 5))
        assert checkpoints.restore_latest(abstract).memory == {"best": 5}


def test_a_state_may_be_donated_as_soon_as_save_returns(run, tmp_path):
    state, abstract = run
    expected = bits(state)
    overwrite = jax.jit(lambda state: jax.tree.map(lambda leaf: leaf * 0 + 1, state),
                        donate_argnums=0)
    with Checkpoints(tmp_path, metadata=METADATA) as checkpoints:
        checkpoints.save(state, POSITION)
        jax.block_until_ready(overwrite(state))
    assert bits(restore(tmp_path, abstract).state) == expected


def test_what_a_killed_run_left_half_written_is_swept_away(run, tmp_path):
    state, abstract = run
    save(tmp_path, state, 1)
    shutil.copytree(tmp_path / "00000001", tmp_path / ".00000002")
    assert int(restore(tmp_path, abstract).state.step) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["00000001"]


def damages(data):
    if data:
        middle = len(data) // 2
        yield "flipped", data[:middle] + bytes([data[middle] ^ 0x10]) + data[middle + 1:]
        yield "cut", data[:middle]
    yield "longer", data + b"x"
    yield "gone", None


def test_any_damage_to_any_file_is_noticed(run, tmp_path):
    state, abstract = run
    save(tmp_path, state, 1, 2)
    latest = tmp_path / "00000002"
    files = [latest / "checkpoint.json",
             *(path for path in (latest / "arrays").rglob("*") if path.is_file())]
    assert len(files) > 3
    for file in files:
        data = file.read_bytes()
        for name, bad in damages(data):
            file.unlink()
            if bad is not None:
                file.write_bytes(bad)
            with pytest.raises(ArtifactError, match="00000002: this checkpoint is damaged"):
                restore(tmp_path, abstract)
                pytest.fail(f"{file} {name} was not noticed")
        file.write_bytes(data)
    assert int(restore(tmp_path, abstract).state.step) == 2


def test_the_remedy_for_a_damaged_one_works(run, tmp_path):
    state, abstract = run
    save(tmp_path, state, 1, 2)
    (tmp_path / "00000002" / "checkpoint.json").write_text("{")
    with pytest.raises(ArtifactError, match=r"Remedy: remove .*00000002"):
        restore(tmp_path, abstract)
    shutil.rmtree(tmp_path / "00000002")
    assert int(restore(tmp_path, abstract).state.step) == 1


def test_a_checkpoint_of_another_run_is_refused_by_name(run, tmp_path):
    state, abstract = run
    save(tmp_path, state, 1)
    with pytest.raises(ArtifactError, match=r"metadata differ \(data is '0123' there and '4567'"):
        restore(tmp_path, abstract, metadata={**METADATA, "data": "4567"})
    with pytest.raises(ArtifactError, match="vocabulary is 'missing' there"):
        restore(tmp_path, abstract, metadata={**METADATA, "vocabulary": "89"})


def test_a_checkpoint_with_other_arrays_is_refused_by_name(run, toy, tmp_path):
    state, _ = run
    save(tmp_path, state, 1)
    wider = {**toy.params, "embedding": np.zeros((64, 16), np.float32)}
    abstract = abstract_train_state(
        wider, toy.logical_axes, adamw(warmup_constant(peak=1e-3)), Partitioner(toy.mesh))
    with pytest.raises(ArtifactError, match=r"params/embedding is 'float32\[64,8\]' there"):
        restore(tmp_path, abstract)


def test_a_place_that_json_cannot_hold_fails_at_once(run, tmp_path):
    with Checkpoints(tmp_path, metadata={}) as checkpoints:
        with pytest.raises(TypeError):
            checkpoints.save(run[0], {"array": np.zeros(2)})
        assert checkpoints.steps() == []


def test_a_failed_write_is_raised_and_leaves_what_there_was(run, tmp_path, monkeypatch):
    state, abstract = run
    save(tmp_path, state, 1)

    def full(path):
        raise OSError("no space left on device")

    with monkeypatch.context() as failing:
        failing.setattr("gram_jax.training.checkpoints.digest_files", full)
        with pytest.raises(OSError, match="no space"):
            save(tmp_path, state, 2)
    assert int(restore(tmp_path, abstract).state.step) == 1


def test_a_folder_that_vanishes_is_an_error_at_once(run, tmp_path):
    with pytest.raises(OSError), Checkpoints(tmp_path / "gone", metadata={}) as checkpoints:
        shutil.rmtree(tmp_path / "gone")
        checkpoints.save(run[0], POSITION)


def test_the_record_is_readable(run, tmp_path):
    save(tmp_path, run[0], 5)
    _, _, content = (tmp_path / "00000005" / "checkpoint.json").read_text().partition("\n")
    record = json.loads(content)
    assert record["step"] == 5
    assert record["position"] == POSITION
    assert record["metadata"] == {"data": "0123", "sizes": [1, 2]}
    assert record["shapes"]["params/mlp/kernel"] == "float32[8,8]"
