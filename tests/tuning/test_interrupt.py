from __future__ import annotations

import os
import signal

import pytest

from mtl.tuning.interrupt import Interrupt


class Collected:
    """Python prints and forgets what its finalizer raises."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):
            pass  # a signal is answered between two instructions


def test_an_interrupt_in_a_finalizer_is_not_lost() -> None:
    with Interrupt() as interrupt:
        interrupt.check()
        one = Collected()
        del one
        with pytest.raises(KeyboardInterrupt):
            interrupt.check()


def test_a_second_one_raises_at_once_and_afterwards_all_is_as_before() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interrupt():
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            for _ in range(1000):
                pass
    assert signal.getsignal(signal.SIGINT) is before
