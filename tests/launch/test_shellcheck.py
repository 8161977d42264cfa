"""shellcheck has nothing to say about the launch scripts."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted(ROOT.glob("launch/*.sh"))
LIBRARY = sorted(ROOT.glob("launch/lib/*.sh"))


def test_shellcheck_finds_nothing():
    program = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}") or shutil.which(
        "shellcheck")
    if program is None:
        pytest.skip("shellcheck is not installed: pip install 'gram-jax[dev]'")
    done = subprocess.run(
        [program, "--external-sources", "--check-sourced", "--source-path=.",
         *SCRIPTS, ROOT / "launch" / "lib" / "machine.sh"], cwd=ROOT, text=True,
        capture_output=True)
    assert done.returncode == 0, done.stdout


def test_every_script_stops_at_the_first_error_and_every_library_is_sourced():
    for path in [*SCRIPTS, ROOT / "launch" / "lib" / "machine.sh"]:
        assert "\nset -euo pipefail\n" in path.read_text() and path.stat().st_mode & 0o100, path
    sourced = "\n".join(path.read_text() for path in SCRIPTS)
    for path in LIBRARY:
        assert path.name == "machine.sh" or f"source=launch/lib/{path.name}" in sourced, path
