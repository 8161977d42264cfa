"""Tasks and mixtures by name, and the modules that register them."""

import difflib
import importlib
from collections.abc import Sequence

import seqio

from gram_jax.core.errors import ConfigError, GramError


def get_mixture_or_task(name: str) -> seqio.Mixture | seqio.Task:
    """What is registered under `name`; a mixture goes before a task.

    Raises:
      ConfigError: nothing is; lists what is, closest name first.
    """
    if name in seqio.MixtureRegistry.names():
        return seqio.MixtureRegistry.get(name)
    if name in seqio.TaskRegistry.names():
        return seqio.TaskRegistry.get(name)
    known = sorted({*seqio.MixtureRegistry.names(), *seqio.TaskRegistry.names()})
    close = difflib.get_close_matches(name, known, n=1)
    meant = f" Did you mean {close[0]!r}?" if close else ""
    raise ConfigError(
        f"no task or mixture is called {name!r}.{meant}\n"
        f"  Known: {', '.join(known) or 'none'}.\n"
        "  A task is known once the module that registers it is imported: the ones that ship are "
        "in 'tasks.mixtures', your own module has to be named among the task modules."
    )


def import_task_modules(names: Sequence[str]) -> None:
    """Imports modules that register tasks.

    Raises:
      ConfigError: a module is not found, or fails while it is imported.
    """
    for name in names:
        try:
            importlib.import_module(name)
        except GramError:
            raise
        except Exception as error:
            missing = isinstance(error, ModuleNotFoundError) and error.name and (
                name == error.name or name.startswith(f"{error.name}.")
            )
            reason = (
                "it is not on Python's path (is the folder it lies in on PYTHONPATH?)"
                if missing
                else f"importing it raised {type(error).__name__}: {error}"
            )
            raise ConfigError(f"task module {name!r} cannot be used: {reason}") from error
