"""Signals that ask a run to end. Knows nothing about what is running."""

import signal
import threading
from types import FrameType

from gram_jax.core.errors import GramError


class Interrupted(GramError):
    """A signal ended the run after its state had been saved; starting it again goes on.

    Args:
      step: the last step done and saved.
      signal_number: SIGINT or SIGTERM; a shell expects the exit code 128 + signal_number.
    """

    def __init__(self, step: int, signal_number: int):
        self.step, self.signal_number = step, signal_number
        super().__init__(f"ended by {signal.Signals(signal_number).name}; saved at step {step}, "
                         "the same command goes on from there")


class SignalWatch:
    """While entered, SIGTERM and SIGINT are noted instead of ending the process.

    A second SIGINT raises KeyboardInterrupt at once. The handlers of before come back on exit.
    Outside the main thread, where Python allows no handlers, nothing is watched.
    """

    def __init__(self):
        self.received: int | None = None
        self._previous = {}

    def __enter__(self) -> "SignalWatch":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *exception) -> None:
        for number, handler in self._previous.items():
            # None stands for a handler that was not set from Python and cannot be set again.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and self.received == signal.SIGINT:
            raise KeyboardInterrupt
        self.received = number
