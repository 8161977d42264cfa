"""A file that is missing, changed or a mere pointer is named, with where to get it."""

import hashlib
import subprocess

import pytest

from gram_jax.catalog.datasets.esci import ESCI
from gram_jax.catalog.datasets.home_depot import HOME_DEPOT
from gram_jax.catalog.datasets.home_depot_kaggle import HOME_DEPOT_KAGGLE
from gram_jax.catalog.datasets.icecat import ICECAT
from gram_jax.catalog.datasets.official_files import OfficialDataset, OfficialFile, file_digest
from gram_jax.catalog.datasets.queryner import QUERYNER
from gram_jax.catalog.datasets.wands import WANDS
from gram_jax.core.errors import InputError

CONTENT = "product_id\ttitle\n1\tcafé\n".encode()
SHA = hashlib.sha256(CONTENT).hexdigest()


def dataset(*files: OfficialFile) -> OfficialDataset:
    return OfficialDataset("The data", "https://example.org", "MIT", "", "Fetch it from there.",
                           "DATA", files)


def test_the_digest_of_git_is_gits(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(CONTENT)
    git = subprocess.run(["git", "hash-object", "--no-filters", path], capture_output=True,
                         text=True, check=True).stdout.strip()
    assert file_digest(path, "git") == git
    assert file_digest(path, "sha256") == SHA
    with pytest.raises(ValueError):
        file_digest(path, "md5")


def test_files_as_published_are_found_and_unknown_checksums_pass(tmp_path):
    (tmp_path / "x.csv").write_bytes(CONTENT)
    (tmp_path / "y.csv").write_bytes(CONTENT)
    data = dataset(OfficialFile("x.csv", f"sha256:{SHA}", len(CONTENT)), OfficialFile("y.csv"))
    found = data.locate(tmp_path, ["y.csv", "x.csv"], verify_checksums=True)
    assert found == (tmp_path / "y.csv", tmp_path / "x.csv")


def test_all_missing_files_are_named_with_what_to_fetch_and_where_it_goes(tmp_path):
    data = dataset(OfficialFile("x.csv"), OfficialFile("y.csv"))
    with pytest.raises(InputError, match=r"no x\.csv, y\.csv") as caught:
        data.locate(tmp_path / "nowhere", ["x.csv", "y.csv"], verify_checksums=True)
    assert "Fetch it from there." in caught.value.remedy and "DATA" in caught.value.remedy
    assert str(tmp_path / "nowhere") in str(caught.value)


@pytest.mark.parametrize("file, said", [
    (OfficialFile("x.csv", "sha256:" + "0" * 64, len(CONTENT)), SHA),
    (OfficialFile("x.csv", "sha256:" + "0" * 64), SHA),
    (OfficialFile("x.csv", f"sha256:{SHA}", 3), f"{len(CONTENT)} bytes"),
    (OfficialFile("x.csv", "git:" + "0" * 40), "git "),
])
def test_a_changed_file_is_refused_unless_told_otherwise(tmp_path, file, said):
    (tmp_path / "x.csv").write_bytes(CONTENT)
    with pytest.raises(InputError, match="not the published file") as caught:
        dataset(file).locate(tmp_path, ["x.csv"], verify_checksums=True)
    assert said in str(caught.value) and "verify_checksums=False" in caught.value.remedy
    assert dataset(file).locate(tmp_path, ["x.csv"], verify_checksums=False)


@pytest.mark.parametrize("verify", [True, False])
def test_a_git_lfs_pointer_is_called_one(tmp_path, verify):
    (tmp_path / "x.csv").write_text(
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{SHA}\nsize 7\n")
    with pytest.raises(InputError, match="LFS pointer") as caught:
        dataset(OfficialFile("x.csv")).locate(tmp_path, ["x.csv"], verify_checksums=verify)
    assert "git lfs pull" in caught.value.remedy


@pytest.mark.parametrize("data", [ESCI, QUERYNER, WANDS, HOME_DEPOT, HOME_DEPOT_KAGGLE, ICECAT],
                         ids=lambda data: data.setting)
def test_every_data_set_says_what_it_is_and_its_checksums_are_well_formed(data):
    assert all((data.title, data.licence, data.how_to_get, data.setting))
    assert data.homepage.startswith("https://") and data.citation.startswith("@")
    assert len({file.name for file in data.files}) == len(data.files) > 0
    for file in data.files:
        kind, _, digest = (file.checksum or "").partition(":")
        assert len(digest) == {"sha256": 64, "git": 40, "": 0}[kind]
        assert set(digest) <= set("0123456789abcdef")
