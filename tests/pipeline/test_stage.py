"""A stage is run when something it depends on changed, leaves all or nothing, and is remembered."""

import multiprocessing

import pytest

from gram_jax.core.errors import ArtifactError, ConfigError
from gram_jax.pipeline import stage as stage_module
from gram_jax.pipeline.stage import Stage, run_stages
from gram_jax.pipeline.workdir import Workdir


class Recorder:
    """Two stages, b reading a, that note their runs and write what they are told."""

    def __init__(self, monkeypatch, tmp_path):
        self.settings = {"a": {"x": "1"}, "b": {"y": "1"}}
        self.ran, self.content, self.fail = [], "same", False
        monkeypatch.setattr(stage_module, "settings_of", lambda name: self.settings[name])
        self.workdir = Workdir(tmp_path)
        self.stages = [Stage("a", (), ("a",), self.build), Stage("b", ("a",), ("b",), self.build)]

    def build(self, context):
        self.ran.append(context.folder.name.split(".")[0])
        (context.folder / "artifact").write_text(self.content)
        if self.fail:
            raise ValueError("half way")
        return {"count": len(self.ran)}

    def run(self, *stages):
        self.ran = []
        run_stages(stages or self.stages, self.workdir, say=lambda text: None,
                   progress=lambda iterable, description, total: iterable)
        return self.ran


@pytest.fixture
def recorder(monkeypatch, tmp_path) -> Recorder:
    return Recorder(monkeypatch, tmp_path)


def test_finished_stages_are_not_run_again(recorder):
    assert recorder.run() == ["a", "b"]
    assert recorder.run() == []


def test_a_changed_setting_runs_the_stage_and_what_reads_a_changed_result(recorder):
    recorder.run()
    recorder.settings["b"] = {"y": "2"}
    assert recorder.run() == ["b"]
    recorder.settings["a"] = {"x": "2"}
    assert recorder.run() == ["a"], "the result of a is the same: b need not run"
    recorder.settings["a"], recorder.content = {"x": "3"}, "other"
    assert recorder.run() == ["a", "b"]


def test_a_failed_stage_leaves_what_was_there(recorder):
    recorder.run()
    before = recorder.workdir.manifest("a")
    recorder.settings["a"], recorder.fail, recorder.content = {"x": "2"}, True, "half"
    with pytest.raises(ValueError, match="half way"):
        recorder.run()
    assert recorder.workdir.manifest("a") == before
    assert (recorder.workdir.folder("a") / "artifact").read_text() == "same"


def test_only_a_resumable_stage_finds_its_earlier_work(recorder):
    seen = []

    def build(context):
        seen.append((context.resumes, (context.folder / "artifact").exists()))
        return recorder.build(context)

    for resumable in (False, True):
        stage = Stage("a", (), ("a",), build, resumable=resumable)
        recorder.fail = True
        with pytest.raises(ValueError, match="half way"):
            recorder.run(stage)
        recorder.fail = False
        recorder.run(stage)
        recorder.settings["a"] = {"x": "another"}
    assert seen == [(False, False), (False, False), (False, False), (True, True)]


def test_a_manifest_tells_what_an_artifact_was_made_of(recorder):
    recorder.run()
    manifest = recorder.workdir.manifest("b")
    assert manifest.inputs == {"a": recorder.workdir.manifest("a").digest}
    assert manifest.settings == {"y": "1"} and manifest.counts == {"count": 2}
    assert manifest.versions["jax"] and manifest.seconds >= 0


def test_what_is_missing_or_damaged_is_said(recorder):
    with pytest.raises(ArtifactError, match="'b' reads 'a'"):
        recorder.run(recorder.stages[1])
    recorder.run()
    (recorder.workdir.folder("a") / "manifest.json").write_text("{")
    with pytest.raises(ArtifactError, match="Delete"):
        recorder.run()


def _try_to_hold(path, answers):
    try:
        with Workdir(path).alone():
            answers.put("held")
    except ConfigError as error:
        answers.put(str(error))


def test_two_runs_do_not_share_a_workdir(tmp_path):
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    with Workdir(tmp_path).alone():
        other = context.Process(target=_try_to_hold, args=(tmp_path, answers))
        other.start()
        assert "another run is at work" in answers.get(timeout=60)
        other.join()
    with Workdir(tmp_path).alone():
        pass
