"""An unknown name says what is known and what is close; a task module that fails says why."""

import pytest
import seqio

from gram_jax.core.errors import ConfigError, InputError
from gram_jax.data.registry import get_mixture_or_task, import_task_modules


@pytest.fixture
def registered(seqio_vocabulary):
    source = seqio.FunctionDataSource(lambda split, shuffle_files: None, splits=["train"])
    task = seqio.TaskRegistry.add("registry_shoes", source, {})
    mixture = seqio.MixtureRegistry.add("registry_shoes_mixed", [("registry_shoes", 1.0)])
    yield task, mixture
    seqio.MixtureRegistry.remove("registry_shoes_mixed")
    seqio.TaskRegistry.remove("registry_shoes")


def test_tasks_and_mixtures_are_found_by_name(registered):
    assert get_mixture_or_task("registry_shoes") is registered[0]
    assert get_mixture_or_task("registry_shoes_mixed") is registered[1]


def test_an_unknown_name_lists_the_known_ones_and_the_closest(registered):
    with pytest.raises(ConfigError) as error:
        get_mixture_or_task("registry_shoe")
    for part in ("'registry_shoe'", "Did you mean 'registry_shoes'?", "registry_shoes_mixed",
                 "tasks.mixtures", "task modules"):
        assert part in str(error.value)


@pytest.fixture
def modules(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    for name, source in {
        "own_tasks_fine": "LOADED = True",
        "own_tasks_broken": "1 / 0",
        "own_tasks_missing": "import a_module_that_does_not_exist",
        "own_tasks_misled": "from gram_jax.core.errors import InputError\nraise InputError('mine')",
    }.items():
        (tmp_path / f"{name}.py").write_text(source)


def test_a_task_module_is_imported(modules):
    import_task_modules(["own_tasks_fine"])
    import own_tasks_fine
    assert own_tasks_fine.LOADED


@pytest.mark.parametrize(("name", "reason"), [
    ("own_tasks_nowhere", "not on Python's path"),
    ("own_nowhere.tasks", "not on Python's path"),
    ("own_tasks_broken", "ZeroDivisionError: division by zero"),
    ("own_tasks_missing", "ModuleNotFoundError: No module named 'a_module_that_does_not_exist'"),
])
def test_a_task_module_that_fails_says_why(modules, name, reason):
    with pytest.raises(ConfigError) as error:
        import_task_modules(["own_tasks_fine", name])
    assert repr(name) in str(error.value) and reason in str(error.value)


def test_an_error_meant_for_the_user_stays_itself(modules):
    with pytest.raises(InputError, match="mine"):
        import_task_modules(["own_tasks_misled"])
