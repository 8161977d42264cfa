"""What was kept is not computed again, unless it is of something else or cannot be read."""

import numpy as np
import pytest

from gram_jax.core.kept_arrays import kept_arrays


class Counted:
    def __init__(self, values=(1, 2)):
        self.calls, self.values = 0, values

    def __call__(self):
        self.calls += 1
        return {"numbers": np.array(self.values, np.int32), "none": np.zeros((0, 3))}


def assert_same(found, expected):
    assert set(found) == set(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype


def test_a_second_call_reads_what_the_first_one_wrote(tmp_path):
    compute, path = Counted(), tmp_path / "made" / "part.npz"
    expected = kept_arrays(path, "a", compute)
    written = path.read_bytes()
    assert_same(kept_arrays(path, "a", compute), expected)
    assert compute.calls == 1 and path.read_bytes() == written
    assert [file.name for file in path.parent.iterdir()] == ["part.npz"]


def test_another_fingerprint_computes_again_and_takes_the_place(tmp_path):
    path, other = tmp_path / "part.npz", Counted((3,))
    kept_arrays(path, "a", Counted())
    assert_same(kept_arrays(path, "b", other), other())
    assert_same(kept_arrays(path, "b", Counted()), other())


@pytest.mark.parametrize("damage", [lambda data: data[:len(data) // 2], lambda data: b"",
                                    lambda data: b"no zip"])
def test_a_damaged_file_is_computed_again(tmp_path, damage):
    compute, path = Counted(), tmp_path / "part.npz"
    kept_arrays(path, "a", compute)
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert_same(kept_arrays(path, "a", compute), compute())
    assert path.read_bytes() == whole


def test_a_computation_that_fails_leaves_nothing(tmp_path):
    def fails():
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        kept_arrays(tmp_path / "part.npz", "a", fails)
    assert not list(tmp_path.iterdir())


def test_without_a_path_nothing_is_kept(tmp_path):
    compute = Counted()
    kept_arrays(None, "a", compute)
    kept_arrays(None, "a", compute)
    assert compute.calls == 2
