"""Counts the programs that XLA compiles, for tests that say there must be none."""

import contextlib
from collections.abc import Iterator

import jax

_COMPILED = "/jax/core/compile/backend_compile_duration"


@contextlib.contextmanager
def count_compilations() -> Iterator[list[float]]:
    """A list that grows by one, its seconds, with each program that is compiled meanwhile."""
    found: list[float] = []

    def listen(event, duration, **_):
        if event == _COMPILED:
            found.append(duration)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield found
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
