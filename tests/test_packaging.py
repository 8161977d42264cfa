"""A wheel carries everything that `gram` needs away from a checkout."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    # Built from what git would hand out, so that what is only on this disk cannot help.
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            target = source / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps",
                    "--no-build-isolation", "--wheel-dir", folder, source], check=True)
    return next(folder.glob("*.whl"))


def test_a_wheel_holds_code_data_tasks_and_gin(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for path in [*ROOT.glob("gram_jax/**/*.py"), *ROOT.glob("gram_jax/**/*.json"),
                 *ROOT.glob("gram_jax/**/*.css"),
                 *ROOT.glob("tasks/*.py")]:
        assert str(path.relative_to(ROOT)) in names
    for path in ROOT.glob("gin/**/*.gin"):
        assert f"gram_jax/shipped/{path.relative_to(ROOT)}" in names


def test_an_installed_gram_finds_the_experiments_and_tasks_that_ship(wheel, tmp_path):
    site = tmp_path / "site"
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target",
                    site, wheel], check=True)
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import gram_jax; assert gram_jax.__file__.startswith(sys.argv[1]), gram_jax.__file__\n"
        "from gram_jax.pipeline.configurables import CONFIGURABLES, register\n"
        "from gram_jax.pipeline.settings import load_settings, settings_of\n"
        "register()\n"
        "load_settings(['gin/experiments/quickstart.gin'], [], configurables=CONFIGURABLES)\n"
        "print(settings_of('train')['NUM_STEPS'])\n"
        "from gram_jax.data.registry import get_mixture_or_task, import_task_modules\n"
        "import_task_modules(['tasks.mixtures'])\n"
        "print(get_mixture_or_task('gram_query_and_product_to_code').name)\n")
    done = subprocess.run([sys.executable, "-c", script, str(site)], cwd=tmp_path, text=True,
                          capture_output=True, check=True)
    assert done.stdout.split()[-1] == "gram_query_and_product_to_code"
