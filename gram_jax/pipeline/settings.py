"""gin at the edge: reads the files and overrides, and says what is close to a name that is wrong.

Knows which bindings a stage depends on by following references and macros, so that a stage is
run again when, and only when, something it uses has changed.
"""

import ast
import contextlib
import difflib
import inspect
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import gin

from gram_jax.core.digest import digest_files
from gram_jax.core.errors import ConfigError

_REFERENCE = re.compile(r"([@%])([\w./]+)")
_BINDING = re.compile(r"^([\w./]+)\s*=", re.MULTILINE)


def gin_root() -> Path:
    """The folder that holds `gin/`: the checkout, or the installed package's copy."""
    package = Path(__file__).resolve().parents[1]
    checkout = package.parent
    return checkout if (checkout / "gin" / "experiments").is_dir() else package / "shipped"


def load_settings(gin_files: Sequence[str], overrides: Sequence[str], *,
                  configurables: Mapping[str, Callable]) -> None:
    """Makes the gin files and `NAME=value` overrides the configuration in force.

    Args:
      gin_files: paths, looked up from the working directory and then where gin/ ships.
      overrides: bindings such as `SEED=1` or `CodeTraining.num_steps=10`; a bare word that is no
        Python literal is taken as a string, so `PRODUCTS=my.jsonl` needs no quotes.
      configurables: name -> function, of all that gin may bind.

    Raises:
      ConfigError: a file is missing, a name is unknown, or a value cannot be read.
    """
    gin.clear_config()
    gin.add_config_file_search_path(str(gin_root()))
    for file in gin_files:
        if not any((base / file).is_file() for base in (Path(), gin_root())):
            shipped = sorted(str(path.relative_to(gin_root()))
                             for path in (gin_root() / "gin" / "experiments").glob("*.gin"))
            raise ConfigError(f"No gin file {file}. Those that ship: {', '.join(shipped)}")
        with _quiet_search():
            _parse(lambda file=file: gin.parse_config_file(file), configurables)
    known = sorted(set(_BINDING.findall(gin.config_str())))
    for override in overrides:
        name, equals, value = override.partition("=")
        if not equals:
            raise ConfigError(f"--gin.{override} has no value. Write --gin.{name}=VALUE")
        if "." not in name and name not in known:
            macros = [k for k in known if "." not in k]
            raise ConfigError(f"Nothing uses --gin.{name}.{_close(name, macros)}")
        binding = f"{name} = {_literal(value)}"
        _parse(lambda binding=binding: gin.parse_config(binding), configurables)
    _parse(gin.finalize, configurables)


@contextlib.contextmanager
def _quiet_search() -> Iterator[None]:
    """Drops gin's error lines on files that it finds in the next place where it looks."""
    def says_something(record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith("Path not found")

    root = logging.getLogger()
    root.addFilter(says_something)
    try:
        yield
    finally:
        root.removeFilter(says_something)


def _parse(action: Callable[[], object], configurables: Mapping[str, Callable]) -> None:
    try:
        action()
    except (ValueError, SyntaxError, ImportError, OSError) as error:
        raise ConfigError(_explained(str(error), configurables)) from error


def _explained(text: str, configurables: Mapping[str, Callable]) -> str:
    """What gin says, with what is close to the name that it does not know."""
    if required := re.search(r"([\w.]+?)(?:/macro\.value)? set to `%gin.REQUIRED`", text):
        return _must_be_set(required[1])
    text = f"The gin configuration cannot be used: {text.strip()}"
    if unknown := re.search(r"No configurable matching(?: reference)? '@?([\w./]+)", text):
        return text + _close(unknown[1].rpartition("/")[2], sorted(configurables))
    parameter = re.search(r"Configurable '([\w.]+)' doesn't have a parameter named '(\w+)'", text)
    if parameter and (target := configurables.get(parameter[1].rpartition(".")[2])):
        return text + _close(parameter[2], sorted(inspect.signature(target).parameters))
    return text


def _must_be_set(name: str) -> str:
    return f"{name} must be set: --gin.{name}=VALUE, or in your gin file."


def _literal(value: str) -> str:
    if value.startswith(("@", "%")):
        return value
    try:
        ast.literal_eval(value)
    except (SyntaxError, ValueError):
        return repr(value)
    return value


def _close(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if close:
        return f" Did you mean {' or '.join(close)}?"
    return f" Known: {', '.join(sorted(known))}." if known else ""


def is_bound(selector: str) -> bool:
    """Whether the settings in force bind anything of a configurable."""
    return bool(gin.get_bindings(selector, resolve_references=False))


def settings_of(*selectors: str) -> dict[str, str]:
    """Every binding that some configurables depend on, by name.

    A value that names an existing file or folder carries the digest of its content, so that a
    stage sees when its input files change.

    Raises:
      ConfigError: a value that must be set is not.
    """
    found: dict[str, str] = {}
    for selector in selectors:
        signature = inspect.signature(gin.get_configurable(selector))
        bound = gin.get_bindings(selector, resolve_references=False)
        for name, parameter in signature.parameters.items():
            if parameter.default is gin.REQUIRED and name not in bound:
                raise ConfigError(_must_be_set(f"{selector}.{name}"))
        _collect(selector, found)
    return dict(sorted(found.items()))


def _collect(selector: str, found: dict[str, str]) -> None:
    bindings: Mapping[str, object] = gin.get_bindings(selector, resolve_references=False)
    for parameter, value in bindings.items():
        macro = selector.removesuffix("/macro")
        name = macro if macro != selector else f"{selector}.{parameter}"
        text = repr(value)
        if name in found:
            continue
        found[name] = text
        if isinstance(value, str) and value and Path(value).exists():
            found[name] = f"{text} holding {digest_files(Path(value))}"
        for kind, reference in _references(value):
            if kind == "%":
                _collect(f"{reference}/macro", found)
            else:
                _collect(reference, found)


def _references(value: object) -> list[tuple[str, str]]:
    """The ('@' or '%', name) that a bound value refers to; a string refers to nothing."""
    if isinstance(value, str):
        return []
    if isinstance(value, Mapping):
        return [found for pair in value.items() for part in pair for found in _references(part)]
    if isinstance(value, list | tuple | set):
        return [found for part in value for found in _references(part)]
    return _REFERENCE.findall(repr(value))
