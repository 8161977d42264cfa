"""What the launch scripts would do, read from their dry runs."""

import re
import shlex
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gram_jax.testing.launch_checkout import GIN_FILE, PLACE, ROOT, SCRIPTS

SETTINGS = [f"--gin_file={GIN_FILE}", "--input=gs://bucket/shop", "--output=gs://bucket/runs/shop"]
MAKES = {  # words of a command -> (what it makes or deletes, where its name stands)
    "gcloud compute disks": "disk", "gcloud compute instances": "node",
    "gcloud compute tpus tpu-vm": "node", "gcloud compute tpus queued-resources": "node",
    "xpk cluster": "cluster", "xpk storage": "storage", "xpk workload": "workload",
}


def dry_run(checkout, script: str, *arguments: str, extra=()) -> list[list[str]]:
    """The commands that a dry run prints, as words."""
    done = checkout.script(script, *arguments, *PLACE, *SCRIPTS[script], "--dry_run", *extra)
    assert done.returncode == 0, done.stderr
    return [shlex.split(line) for line in done.stdout.splitlines() if not line.startswith("#")]


def things(commands: list[list[str]], verb: str) -> list[tuple[str, str]]:
    """(kind, name) of what these commands create or delete, in order."""
    found = []
    for words in commands:
        for prefix, kind in MAKES.items():
            start = prefix.split()
            if words[:len(start) + 1] == [*start, verb]:
                named = [word.split("=", 1)[1] for word in words
                         if word.startswith(f"--{kind}=") and kind in ("cluster", "workload")]
                found.append((kind, named[0] if named else words[len(start) + 1]))
    if verb == "create":
        found += [("image", words[-1]) for words in commands if words[:2] == ["docker", "push"]]
    else:
        found += [("image", words[5]) for words in commands
                  if words[:5] == ["gcloud", "artifacts", "docker", "images", "delete"]]
    return found


def place_of(commands: list[list[str]], part: str) -> int:
    """The number of the first command that has these characters in it."""
    return next(number for number, words in enumerate(commands) if part in " ".join(words))


@pytest.mark.parametrize("script", SCRIPTS)
def test_everything_that_is_created_is_deleted(shared_checkout, script):
    commands = dry_run(shared_checkout, script, "all", "--delete_disk", *SETTINGS)
    made = things(commands, "create")
    assert len(made) >= 2
    assert sorted(made) == sorted(things(commands, "delete"))


@pytest.mark.parametrize("script", SCRIPTS)
def test_cleanup_alone_deletes_what_all_creates_and_machines_before_their_disk(
        shared_checkout, script):
    made = things(dry_run(shared_checkout, script, "all", "--delete_disk", *SETTINGS), "create")
    deleted = things(dry_run(shared_checkout, script, "cleanup", "--delete_disk"), "delete")
    assert sorted(made) == sorted(deleted)
    kinds = [kind for kind, _ in deleted]
    order = ["node", "disk"] if "node" in kinds else ["workload", "storage", "cluster"]
    assert [kind for kind in kinds if kind in order] == order


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_disk_is_deleted_on_demand_only(shared_checkout, script):
    kept = things(dry_run(shared_checkout, script, "cleanup", "--keep_disk"), "delete")
    assert kept and not {"disk", "storage"} & {kind for kind, _ in kept}
    undecided = shared_checkout.script(script, "cleanup", *PLACE, *SCRIPTS[script], "--dry_run")
    assert undecided.returncode == 2 and "--keep_disk" in undecided.stderr


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_disk_is_not_deleted_behind_a_run_whose_workdir_goes_nowhere_else(
        shared_checkout, script):
    done = shared_checkout.script(script, "all", *PLACE, *SCRIPTS[script], "--dry_run",
                                  f"--gin_file={GIN_FILE}", "--delete_disk")
    assert done.returncode == 2 and "--output" in done.stderr and not done.stdout


@pytest.mark.parametrize("script", SCRIPTS)
def test_all_creates_then_brings_the_code_then_runs_then_cleans(shared_checkout, script):
    commands = dry_run(shared_checkout, script, "all", "--delete_disk", *SETTINGS)
    steps = [place_of(commands, " create "), place_of(commands, " archive "),
             place_of(commands, "machine.sh here" if script == "gke_xpk" else "machine.sh start"),
             place_of(commands, " delete ")]
    assert steps == sorted(set(steps))


@pytest.mark.parametrize("script", ["tpu_vm", "queued_resource", "gpu_node"])
def test_a_run_has_its_input_before_and_copies_its_workdir_behind(shared_checkout, script):
    commands = dry_run(shared_checkout, script, "run", *SETTINGS)
    verbs = [" ".join(words).split("machine.sh ")[1].split()[0] for words in commands]
    assert verbs == ["pull", "start", "follow", "result", "push"]


@pytest.mark.parametrize(("script", "revived_by"), [
    ("tpu_vm", ["gcloud compute tpus tpu-vm delete", "gcloud compute tpus tpu-vm create"]),
    ("queued_resource", ["gcloud compute tpus queued-resources delete",
                         "gcloud compute tpus queued-resources create"]),
    ("gpu_node", ["gcloud compute instances start"]),
    ("gke_xpk", ["xpk workload delete", "xpk workload create"]),
])
def test_resuming_after_a_preemption_brings_machines_back_with_the_same_disk(
        shared_checkout, script, revived_by):
    commands = dry_run(shared_checkout, script, "resume", *SETTINGS, extra=["--spot"])
    lines = [" ".join(words) for words in commands]
    at = [next(number for number, line in enumerate(lines) if line.startswith(start))
          for start in revived_by]
    ran = place_of(commands, "machine.sh here" if script == "gke_xpk" else "machine.sh start")
    assert at == sorted(at) and at[-1] <= ran
    changed = things(commands, "create") + things(commands, "delete")
    assert not {"disk", "storage", "cluster"} & {kind for kind, _ in changed}
    if ("node", "shop") in things(commands, "create"):
        assert "shop-workdir" in lines[at[-1]]


def test_gke_starts_again_what_was_interrupted_and_asks_long_enough_before_it_kills(
        shared_checkout):
    words = next(words for words in dry_run(shared_checkout, "gke_xpk", "run", *SETTINGS)
                 if words[:3] == ["xpk", "workload", "create"])
    assert {"--restart-on-exit-codes=75", "--max-restarts=20",
            "--termination-grace-period-seconds=120"} <= set(words)
    # Without exec a shell would stand between the signal and the run.
    assert any(word.startswith("--command=exec bash ") for word in words)


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_dry_run_calls_nothing(checkout, script):
    for command in ("create", "bootstrap", "run", "resume", "status", "stop"):
        assert dry_run(checkout, script, command, *SETTINGS), command
    dry_run(checkout, script, "all", "--delete_disk", *SETTINGS)
    assert checkout.called() == [] and not (checkout.path / "build").exists()


@settings(max_examples=20)
@given(st.text(st.characters(blacklist_categories=["Cc", "Cs"]), min_size=1))
def test_a_setting_reaches_gram_as_it_was_typed(shared_checkout, value):
    override = f"--gin.NOTE={value}"
    for script in ("tpu_vm", "gke_xpk"):
        commands = dry_run(shared_checkout, script, "run", *SETTINGS, override)
        remote = next(word.removeprefix("--command=").removeprefix("exec ")
                      for words in commands for word in words
                      if word.startswith("--command=") and "--gin." in word)
        # The other shell reads it: what would machine.sh be given?
        seen = subprocess.run(
            ["bash", "-c", "bash() { printf '%s\\0' \"$@\"; }\n" + remote], check=True,
            capture_output=True).stdout.decode().split("\0")[:-1]
        assert seen[-2:] == [f"--gin_file={GIN_FILE}", override]


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("value", ["a b", "a;b", "$(touch x)", "`x`", "a\nb", "-a", "", "A'b"])
def test_a_name_that_is_not_plain_is_refused_with_a_remedy(shared_checkout, script, value):
    for name in ("name", "input"):
        done = shared_checkout.script(script, "run", *SETTINGS, *PLACE, *SCRIPTS[script],
                                      "--dry_run", f"--{name}={value}")
        assert done.returncode == 2 and not done.stdout, (name, value)
        assert f"--{name}" in done.stderr and "Remedy" in done.stderr


@pytest.mark.parametrize(("script", "arguments", "told"), [
    ("tpu_vm", ["all", "--accelerator=v4-8"], "no slice that is known"),
    ("tpu_vm", ["create", "--accelerator=v5p-12"], "multiples of 8"),
    ("tpu_vm", ["create", "--zone=mars"], "not a zone"),
    ("tpu_vm", ["create", "--nfs=server"], "SERVER:/SHARE"),
    ("tpu_vm", ["create", "--disk_gb=many"], "whole number"),
    ("tpu_vm", ["create", "--colour=red"], "no option --colour"),
    ("tpu_vm", ["create", "--spot=yes"], "no option --spot"),
    ("tpu_vm", ["create", "--zone"], "has no value"),
    ("tpu_vm", ["destroy"], "no command destroy"),
    ("tpu_vm", ["create", "run"], "two commands"),
    ("tpu_vm", [], "no command"),
    ("tpu_vm", ["run"], "no --gin_file"),
    ("tpu_vm", ["run", "--gin_file=gin/none.gin"], "not in the last commit"),
    ("queued_resource", ["create", "--valid_until=soon"], "a duration"),
    ("gke_xpk", ["create", "--disk_gb=200"], "1024"),
    ("gke_xpk", ["create", "--image=My Image"], "an image"),
])
def test_wrong_arguments_are_a_message_with_a_remedy(shared_checkout, script, arguments, told):
    done = shared_checkout.script(script, *PLACE, *SCRIPTS[script], *arguments, "--dry_run")
    assert done.returncode == 2 and not done.stdout
    assert told in done.stderr and "Remedy" in done.stderr


@pytest.mark.parametrize(("script", "accelerator", "hosts"), [
    ("tpu_vm", "v5litepod-256", 64), ("tpu_vm", "v6e-64", 16), ("tpu_vm", "v5p-128", 16),
    ("gke_xpk", "v6e-8", 2)])
def test_several_hosts_need_a_gram_that_knows_of_them_and_storage_that_all_can_write(
        checkout, script, accelerator, hosts):
    arguments = ["run", *SETTINGS, *PLACE, *SCRIPTS[script], f"--accelerator={accelerator}",
                 "--dry_run"]
    refused = checkout.script(script, *arguments)
    assert refused.returncode == 2 and f"{hosts} hosts" in refused.stderr
    # What is there can be deleted all the same.
    assert checkout.script(script, "cleanup", *arguments[1:], "--delete_disk").returncode == 0

    checkout.accept_several_hosts()
    if script != "gke_xpk":
        one_disk = checkout.script(script, *arguments)
        assert one_disk.returncode == 2 and "--nfs" in one_disk.stderr
        arguments.append("--nfs=10.0.0.2:/gram")
    done = checkout.script(script, *arguments)
    assert done.returncode == 0, done.stderr
    assert "--distributed" in done.stdout
    if script != "gke_xpk":
        started = next(line for line in done.stdout.splitlines() if "machine.sh start" in line)
        assert "--worker=all" in started
        brought = checkout.script(script, "create", *arguments[1:]).stdout
        assert "disks create" not in brought and "--data-disk" not in brought


@pytest.mark.parametrize("accelerator", ["v5litepod-1", "v5litepod-8", "v6e-8", "v5p-8"])
def test_slices_of_one_host_are_taken(shared_checkout, accelerator):
    words = dry_run(shared_checkout, "tpu_vm", "create", extra=[f"--accelerator={accelerator}"])[-1]
    runtime = {"v5litepod": "v2-alpha-tpuv5-lite", "v6e": "v2-alpha-tpuv6e",
               "v5p": "v2-alpha-tpuv5"}
    assert f"--version={runtime[accelerator.split('-')[0]]}" in words


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_names_every_command_and_an_example_that_is_right(shared_checkout, script):
    told = shared_checkout.script(script, "--help")
    assert told.returncode == 0
    for command in ("create", "bootstrap", "run", "resume", "all", "status", "stop", "cleanup"):
        assert f"\n  {command} " in told.stdout
    example = told.stdout.split(f"{script}.sh all ")[1].split("\n\n")[0].replace("\\\n", " ")
    words = [word.replace("=P", "=proj").replace("/P/", "/p/").replace("BUCKET", "bucket")
             for word in shlex.split(example) if not word.startswith("--gin_file")]
    done = shared_checkout.script(script, "all", *words, f"--gin_file={GIN_FILE}")
    assert done.returncode == 0, done.stderr


def commands_of_the_page() -> list[str]:
    """The calls of launch scripts in docs/operations.md, with something for each variable."""
    text = (ROOT / "docs" / "operations.md").read_text().replace("\\\n", " ")
    known = {"$PLACE": " ".join(PLACE), "$IMAGE": "us-docker.pkg.dev/proj/gram/gram:1",
             "$RUN": f"--gin_file='{GIN_FILE}' --output=gs://bucket/runs",
             "PROJECT": "proj", "BUCKET": "bucket"}
    calls = re.findall(r"^launch/\w+\.sh \w+ .*$", text, re.MULTILINE)
    for variable, value in known.items():
        calls = [call.replace(variable, value) for call in calls]
    return [re.sub(r"--gin_file=gin/\S+", f"--gin_file='{GIN_FILE}'", call) for call in calls]


def test_the_commands_of_the_operations_page_are_right(shared_checkout):
    calls = commands_of_the_page()
    assert {call.split()[0] for call in calls} >= {
        f"launch/{script}.sh" for script in SCRIPTS if script != "queued_resource"}
    for call in calls:
        program, *words = shlex.split(call, comments=True)
        done = shared_checkout.script(program.removeprefix("launch/").removesuffix(".sh"), *words,
                                      "--dry_run")
        assert done.returncode == 0, (call, done.stderr)
