"""A checkout with the launch scripts, and fakes of the cloud's programs that write down calls.

Knows nothing of what the scripts should do.
"""

import dataclasses
import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GIN_FILE = "gin/experiments/my shop.gin"
"""The experiment that the checkout has."""

SCRIPTS = {
    "tpu_vm": ["--accelerator=v5litepod-8"],
    "queued_resource": ["--accelerator=v6e-8"],
    "gpu_node": ["--machine_type=a2-highgpu-1g"],
    "gke_xpk": ["--accelerator=v6e-4", "--image=us-docker.pkg.dev/proj/gram/gram:1"],
}
"""Each script with the options that it alone needs."""

PLACE = ["--name=shop", "--project=proj", "--zone=us-west4-a"]
"""What every script needs."""


def write_program(path: Path, text: str) -> None:
    """Writes a script that can be called."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@dataclasses.dataclass
class Checkout:
    """A repository whose path has a space, and `programs` in front of PATH."""

    path: Path
    programs: Path

    def script(self, name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
        """Runs launch/NAME.sh with these options and nothing else."""
        return subprocess.run([self.path / "launch" / f"{name}.sh", *arguments], text=True,
                              capture_output=True, timeout=60, env=self.environment(**environment))

    def environment(self, **more: str) -> dict[str, str]:
        """The variables of this process, with the fakes in front."""
        return {**os.environ, "PATH": f"{self.programs}:{os.environ['PATH']}", **more}

    def git(self, *arguments: str) -> None:
        """Calls git in the checkout."""
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *arguments],
                       cwd=self.path, check=True, capture_output=True)

    def accept_several_hosts(self) -> None:
        """Gives this checkout a `gram run` that knows of other processes."""
        (self.path / "gram_jax" / "cli.py").write_text('sub.add_argument("--distributed")\n')

    def called(self) -> list[str]:
        """What the fakes were called with, a line a call."""
        log = self.programs / "called"
        return log.read_text().splitlines() if log.exists() else []


def make_checkout(folder: Path) -> Checkout:
    """A repository with the launch scripts and one experiment, committed, and the fakes."""
    made = Checkout(folder / "the code", folder / "programs")
    made.path.mkdir(parents=True)
    shutil.copytree(ROOT / "launch", made.path / "launch")
    for name, text in ((GIN_FILE, "SEED = 0\n"), ("gram_jax/cli.py", "pass\n")):
        (made.path / name).parent.mkdir(parents=True, exist_ok=True)
        (made.path / name).write_text(text)
    made.git("init", "--quiet")
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message=all")
    for name in ("gcloud", "xpk", "docker"):
        write_program(made.programs / name, f"""#!/usr/bin/env bash
echo "{name} $*" >>"$(dirname "$0")/called"
""")
    return made
