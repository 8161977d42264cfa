"""The launch scripts at work, on a cloud that takes machines away: a fake gcloud with a state."""

import shutil

import pytest

from gram_jax.testing.launch_checkout import GIN_FILE, PLACE, SCRIPTS, Checkout, write_program

CLOUD = """#!/usr/bin/env bash
# One node whose state is a word in a file; `answers` holds how each run ends, one line each.
here=$(dirname "$0")
echo "gcloud $*" >>"$here/called"
case "$*" in
  *" describe "*)
    [[ -f $here/state ]] || { echo "ERROR: (gcloud) NOT_FOUND: no such node" >&2; exit 1; }
    cat "$here/state" ;;
  "compute disks "*) ;;
  *" create "* | *"instances start "*) echo READY_WORD >"$here/state" ;;
  *" delete "*) rm "$here/state" ;;
  *"machine.sh result"*)
    answer=$(head -n 1 "$here/answers")
    sed -i 1d "$here/answers"
    [[ $answer != gone:* ]] || { echo "${answer#gone:}" >"$here/state"; exit 255; }
    echo "$answer" ;;
esac
"""
READY = {"tpu_vm": "READY", "queued_resource": "ACTIVE", "gpu_node": "RUNNING"}
TAKEN = {"tpu_vm": "PREEMPTED", "queued_resource": "SUSPENDED", "gpu_node": "TERMINATED"}
SETTINGS = [f"--gin_file={GIN_FILE}", "--output=gs://bucket/runs/shop"]


def all_of(checkout: Checkout, script: str, answers: list[str], *more: str):
    """Runs `all` where runs end as told; the process, and what the cloud was asked to do."""
    write_program(checkout.programs / "gcloud", CLOUD.replace("READY_WORD", READY[script]))
    write_program(checkout.programs / "sleep", "#!/usr/bin/env bash\n")
    (checkout.programs / "answers").write_text("".join(f"{answer}\n" for answer in answers))
    done = checkout.script(script, "all", "--delete_disk", *SETTINGS, *PLACE, *SCRIPTS[script],
                           *more)
    return done, checkout.called()


def count(calls: list[str], part: str) -> int:
    return sum(part in call for call in calls)


@pytest.mark.parametrize("script", READY)
def test_a_run_that_is_preempted_and_interrupted_goes_on_until_it_is_done(checkout, script):
    answers = [f"gone:{TAKEN[script]}", "75", "0"]
    done, calls = all_of(checkout, script, answers, "--spot")
    assert done.returncode == 0, done.stderr
    assert count(calls, "machine.sh start") == 3
    # Interrupted on machines that are still there, it needs no others.
    brought_back = "instances start" if script == "gpu_node" else " create "
    nodes = [call for call in calls if brought_back in call and "compute disks" not in call]
    assert len(nodes) == (1 if script == "gpu_node" else 2)
    assert count(calls, "disks create") == 1 and count(calls, "disks delete") == 1
    pushed = next(number for number, call in enumerate(calls) if "machine.sh push" in call)
    assert count(calls[pushed:], "disks delete") == 1  # not before the copy was made
    assert not (checkout.programs / "state").exists()


@pytest.mark.parametrize("script", READY)
def test_an_error_of_gram_is_its_exit_code_and_nothing_is_deleted(checkout, script):
    done, calls = all_of(checkout, script, ["2"])
    assert done.returncode == 2
    assert count(calls, "machine.sh start") == 1 and count(calls, " delete ") == 0
    assert "nothing was deleted" in done.stderr and (checkout.programs / "state").exists()


def test_resuming_ends_after_so_many_times(checkout):
    done, calls = all_of(checkout, "tpu_vm", ["75"] * 9, "--max_resumes=2")
    assert done.returncode == 75 and count(calls, "machine.sh start") == 3
    assert count(calls, " delete ") == 0


def test_a_copy_that_fails_keeps_the_disk(checkout):
    cloud = CLOUD.replace('case "$*" in', 'case "$*" in\n  *"machine.sh push"*) exit 1 ;;')
    write_program(checkout.programs / "gcloud", cloud.replace("READY_WORD", "READY"))
    (checkout.programs / "answers").write_text("0\n")
    done = checkout.script("tpu_vm", "all", "--delete_disk", *SETTINGS, *PLACE,
                           *SCRIPTS["tpu_vm"])
    assert done.returncode != 0 and count(checkout.called(), " delete ") == 0


def test_a_run_ends_with_the_exit_code_of_gram(checkout):
    for answer, code in (("0", 0), ("75", 75), ("1", 1), ("137", 137), ("none", 75),
                         ("garbage", 75)):
        write_program(checkout.programs / "gcloud", CLOUD)
        (checkout.programs / "answers").write_text(f"{answer}\n")
        done = checkout.script("tpu_vm", "run", *SETTINGS, *PLACE, *SCRIPTS["tpu_vm"])
        assert done.returncode == code, (answer, done.stderr)


def test_a_cloud_that_does_not_answer_is_a_message(checkout):
    write_program(checkout.programs / "gcloud",
                  "#!/usr/bin/env bash\necho 'ERROR: Your credentials are invalid' >&2\nexit 1\n")
    done = checkout.script("tpu_vm", "cleanup", "--delete_disk", *PLACE, *SCRIPTS["tpu_vm"])
    assert done.returncode == 2
    assert "credentials are invalid" in done.stderr and "gcloud auth login" in done.stderr


def test_the_machines_get_the_last_commit(checkout):
    (checkout.path / GIN_FILE).write_text("SEED = 1\n")
    done = checkout.script("tpu_vm", "bootstrap", *PLACE, *SCRIPTS["tpu_vm"])
    assert done.returncode == 0, done.stderr
    assert "not committed" in done.stderr
    archive = checkout.path / "build" / "launch" / "shop.tar.gz"
    assert archive.stat().st_size > 1000
    assert count(checkout.called(), f"tpu-vm scp {archive} shop:gram.tar.gz --worker=all") == 1


def test_without_gcloud_the_message_says_how_to_get_it(checkout):
    # A PATH of these programs alone: where the test runs there may be a gcloud, with an account.
    for name in ("bash", "basename", "dirname", "git", "grep"):
        (checkout.path.parent / "few").mkdir(exist_ok=True)
        (checkout.path.parent / "few" / name).symlink_to(shutil.which(name))
    done = checkout.script("tpu_vm", "create", *PLACE, *SCRIPTS["tpu_vm"],
                           PATH=str(checkout.path.parent / "few"))
    assert done.returncode == 2 and "Google Cloud CLI" in done.stderr
