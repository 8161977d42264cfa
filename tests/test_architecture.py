"""The rules of docs/architecture.md that an import linter cannot see: what an import does."""

import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import gram_jax

ROOT = Path(__file__).resolve().parents[1]
SEARCH_ROOMS = ("core", "text", "catalog", "attributes", "codes", "nn", "models", "trie",
                "decoding", "retrieval", "interop", "evaluation", "baselines", "serving")
_PROBE = """
import json, logging, os, sys
import jax  # itself sets variables when it is imported
before = dict(os.environ), list(logging.getLogger().handlers)
for name in json.loads(sys.argv[1]):
    __import__(name)
after = dict(os.environ), list(logging.getLogger().handlers)
backends = []
if "jax" in sys.modules:
    from jax._src import xla_bridge
    backends = list(xla_bridge._backends)
flags = []
if "absl.flags" in sys.modules:
    from absl import flags as absl_flags
    flags = [f.name for m, fs in absl_flags.FLAGS.flags_by_module_dict().items()
             if m.startswith("gram_jax") for f in fs]
print(json.dumps({"changed": before != after, "backends": backends, "flags": flags,
                  "heavy": [m for m in ("tensorflow", "torch", "seqio", "orbax.checkpoint")
                            if m in sys.modules]}))
"""


def modules_of(room: str) -> list[str]:
    package = Path(gram_jax.__file__).parent / room
    return [f"gram_jax.{room}"] + [
        module.name for module in pkgutil.walk_packages([str(package)], f"gram_jax.{room}.")]


def probe(modules: list[str]) -> dict:
    done = subprocess.run([sys.executable, "-c", _PROBE, json.dumps(modules)],
                          capture_output=True, text=True, check=True, cwd=ROOT)
    return json.loads(done.stdout)


def test_search_indexing_and_evaluation_load_neither_tensorflow_nor_torch():
    modules = [name for room in SEARCH_ROOMS for name in modules_of(room)]
    modules += ["gram_jax.cli", "gram_jax.pipeline.answers", "gram_jax.pipeline.stages",
                "gram_jax.pipeline.experiment"]
    assert probe(modules)["heavy"] == []


@pytest.mark.parametrize("rooms", [SEARCH_ROOMS, ("partitioning", "training", "pipeline")])
def test_importing_touches_no_device_flag_environment_or_log_handler(rooms):
    found = probe([name for room in rooms for name in modules_of(room)])
    assert found["backends"] == [] and found["flags"] == [] and not found["changed"]


def test_every_package_and_module_says_what_it_is():
    for path in [*ROOT.glob("gram_jax/**/*.py"), *ROOT.glob("tasks/*.py")]:
        first = path.read_text(encoding="utf-8").lstrip()
        assert first.startswith('"""'), f"{path} has no docstring"


def test_files_answer_one_question():
    for path in ROOT.glob("gram_jax/**/*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 400, path
        assert path.stem not in {"utils", "util", "helpers", "common", "misc"}, path


def test_the_project_names_no_path_of_a_machine():
    for path in ROOT.rglob("*"):
        if path.suffix in {".py", ".md", ".gin", ".sh", ".toml", ".txt"} and not any(
                part.startswith(".") or part in {"workdirs", "build"}
                for part in path.relative_to(ROOT).parts):
            text = path.read_text(encoding="utf-8")
            assert "/ho" + "me/" not in text and "/wo" + "rk/" not in text, path
