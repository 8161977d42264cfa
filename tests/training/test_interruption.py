import os
import signal
import threading

import pytest

from gram_jax.training.interruption import Interrupted, SignalWatch


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_noted_and_the_handlers_of_before_come_back(number):
    before = {name: signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGINT)}
    with SignalWatch() as signals:
        assert signals.received is None
        os.kill(os.getpid(), number)
        assert signals.received == number
    assert {name: signal.getsignal(name) for name in before} == before


def test_a_second_sigint_aborts_and_a_second_sigterm_does_not():
    with SignalWatch() as signals:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        assert signals.received == signal.SIGTERM
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), SignalWatch():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) == before


def test_outside_the_main_thread_nothing_is_watched():
    before, seen = signal.getsignal(signal.SIGTERM), []

    def work():
        with SignalWatch() as signals:
            seen.append((signal.getsignal(signal.SIGTERM), signals.received))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(before, None)]


def test_the_error_says_where_it_goes_on():
    error = Interrupted(12, signal.SIGTERM)
    assert (error.step, error.signal_number) == (12, 15)
    assert "SIGTERM" in str(error) and "step 12" in str(error)
