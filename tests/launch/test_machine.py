"""launch/lib/machine.sh on a machine of fakes: what is formatted, what is run, how it ends."""

import signal
import subprocess
import time

import pytest

from gram_jax.testing.launch_checkout import Checkout, write_program

BASH = "#!/usr/bin/env bash\n"
LOGGED = BASH + 'echo "$(basename "$0") $*" >>"$(dirname "$0")/called"\n'
# A gram that works until it is asked to end, and then says so with 75.
GRAM = BASH + """printf '%s\\n' "$@" >"$GRAM_MOUNT/arguments"
[[ ! -f $GRAM_MOUNT/work ]] || {
  trap 'exit 75' TERM
  echo working >"$GRAM_MOUNT/working"
  while true; do sleep 0.05; done
}
exit "${GRAM_ENDS_WITH:-0}"
"""


@pytest.fixture
def machine(checkout) -> Checkout:
    (checkout.programs / "mount").mkdir()
    write_program(checkout.programs / "venv" / "bin" / "gram", GRAM)
    write_program(checkout.programs / "sudo", BASH + 'exec "$@"\n')
    for name in ("mkfs.ext4", "mount", "chown", "systemd-run"):
        if name != "mount":
            write_program(checkout.programs / name, LOGGED)
    return checkout


def environment(machine: Checkout, **more: str) -> dict[str, str]:
    return machine.environment(GRAM_MOUNT=str(machine.programs / "mount"),
                               GRAM_VENV=str(machine.programs / "venv"),
                               HOME=str(machine.programs), **more)


def call(machine: Checkout, *arguments: str, **more: str) -> subprocess.CompletedProcess:
    return subprocess.run(["bash", machine.path / "launch" / "lib" / "machine.sh", *arguments],
                          env=environment(machine, **more), text=True, capture_output=True,
                          timeout=60)


@pytest.mark.parametrize("code", [0, 1, 2, 75, 137])
def test_here_ends_as_gram_does_and_copies_only_what_ended_well(machine, code):
    done = call(machine, "here", "--input=gs://b/in", "--output=gs://b/out", "--",
                "--gin_file=my shop.gin", "--gin.NOTE=a 'b' $c", GRAM_ENDS_WITH=str(code))
    assert done.returncode == code
    mount = machine.programs / "mount"
    assert (mount / "arguments").read_text().splitlines() == [
        "run", "--gin_file=my shop.gin", "--gin.NOTE=a 'b' $c", f"--workdir={mount}/workdir"]
    pulled, *pushed = machine.called()
    assert pulled.endswith(f"gs://b/in {mount}/input")
    assert bool(pushed) == (code == 0)


def test_here_hands_a_preemption_on_and_ends_with_the_code_that_starts_it_again(machine):
    mount = machine.programs / "mount"
    (mount / "work").touch()
    running = subprocess.Popen(
        ["bash", machine.path / "launch" / "lib" / "machine.sh", "here", "--output=gs://b/out",
         "--", "--gin_file=x"], env=environment(machine))
    deadline = time.monotonic() + 30
    while not (mount / "working").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    running.send_signal(signal.SIGTERM)
    assert running.wait(timeout=30) == 75
    assert machine.called() == []


def test_another_host_of_the_share_waits_for_the_first_ones_copy(machine):
    mount = machine.programs / "mount"
    (mount / "input.complete").write_text("gs://b/in\n")
    done = call(machine, "here", "--input=gs://b/in", "--output=gs://b/out", "--",
                TPU_WORKER_ID="1")
    assert done.returncode == 0 and machine.called() == []


def fake_systemd(machine: Checkout, active: str, sub: str, code: str = "0", status: str = "0"):
    write_program(machine.programs / "systemctl", LOGGED + f"""case "$*" in
  *ActiveState*) echo {active} ;;
  *SubState*) echo {sub} ;;
  *ExecMainCode*) echo {code} ;;
  *ExecMainStatus*) echo {status} ;;
esac
""")


@pytest.mark.parametrize(("states", "answer"), [
    (("active", "running"), "running"),
    (("deactivating", "stop-sigterm"), "running"),
    (("active", "exited", "1", "0"), "0"),
    (("failed", "failed", "1", "75"), "75"),
    (("failed", "failed", "2", "9"), "137"),
    (("inactive", "dead"), "none"),
])
def test_the_result_is_the_exit_code_as_a_shell_counts(machine, states, answer):
    fake_systemd(machine, *states)
    assert call(machine, "result").stdout.split() == [answer]


def test_start_leaves_a_file_that_runs_gram_with_the_words_as_typed(machine):
    fake_systemd(machine, "inactive", "dead")
    write_program(machine.programs / "mountpoint", BASH)
    words = ["--gin_file=my shop.gin", "--gin.NOTE=100% of $HOME; 'x'"]
    assert call(machine, "start", *words).returncode == 0
    asked = next(line for line in machine.called() if line.startswith("systemd-run"))
    assert "KillMode=mixed" in asked and asked.endswith("gram-run.sh")
    subprocess.run(["bash", machine.programs / "gram-run.sh"], env=environment(machine), check=True)
    seen = (machine.programs / "mount" / "arguments").read_text().splitlines()
    assert seen[1:3] == words


def test_a_run_at_work_is_not_started_twice_and_none_without_its_disk(machine):
    fake_systemd(machine, "active", "running")
    assert "at work" in call(machine, "start").stderr
    fake_systemd(machine, "inactive", "dead")
    write_program(machine.programs / "mountpoint", BASH + "exit 1\n")
    refused = call(machine, "start")
    assert refused.returncode == 1 and "bootstrap" in refused.stderr
    assert not any(line.startswith("systemd-run") for line in machine.called())


def mount_disk(machine: Checkout, disks: dict[str, str], labelled: str = ""):
    """Mounts with these disks (name -> what blkid finds on it), and says what was formatted."""
    known = "".join(f'  *" {name}") echo "{found}"; [[ -n "{found}" ]] || exit 2 ;;\n'
                    for name, found in disks.items())
    write_program(machine.programs / "blkid", BASH + f"""case " $*" in
  *" -L gram-workdir") echo "{labelled}"; [[ -n "{labelled}" ]] || exit 2 ;;
{known}esac
""")
    listed = "\\n".join(f"{name} disk" for name in disks)
    write_program(machine.programs / "lsblk", BASH + f"""case "$*" in
  *--nodeps*) printf '{listed}\\n' ;;
  */dev/boot) printf 'boot\\nboot1\\n' ;;
  *) echo disk ;;
esac
""")
    write_program(machine.programs / "mountpoint", BASH + "exit 1\n")
    write_program(machine.programs / "sudo",
                  BASH + '[[ $1 != mount ]] || { shift; set -- mounted "$@"; }\nexec "$@"\n')
    write_program(machine.programs / "mounted", LOGGED)
    done = call(machine, "mount", "disk")
    return done, [line for line in machine.called() if line.startswith("mkfs")], [
        line for line in machine.called() if line.startswith("mounted")]


def test_a_blank_disk_is_formatted_and_mounted(machine):
    done, formatted, mounted = mount_disk(machine, {"/dev/boot": "", "/dev/new": ""})
    assert done.returncode == 0, done.stderr
    assert formatted == ["mkfs.ext4 -q -L gram-workdir /dev/new"]
    assert "/dev/new" in mounted[0]


def test_a_disk_that_has_the_workdir_is_never_formatted(machine):
    done, formatted, mounted = mount_disk(
        machine, {"/dev/boot": "", "/dev/kept": "ext4", "/dev/new": ""}, labelled="/dev/kept")
    assert done.returncode == 0 and formatted == []
    assert "/dev/kept" in mounted[0]


@pytest.mark.parametrize("disks", [
    {"/dev/boot": "", "/dev/other": "ext4"}, {"/dev/one": "", "/dev/two": ""}])
def test_where_it_is_not_sure_which_disk_nothing_is_formatted(machine, disks):
    done, formatted, mounted = mount_disk(machine, disks)
    assert done.returncode == 1 and "blank disk" in done.stderr
    assert formatted == [] and mounted == []


def test_unknown_words_show_the_help(machine):
    done = call(machine, "dance")
    assert done.returncode == 2 and "machine.sh follow" in done.stderr
