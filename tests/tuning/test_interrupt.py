from __future__ import annotations

import signal

import pytest

from mtl.tuning.interrupt import Interrupt


class Collected:
    """Python prints and forgets what its finalizer raises."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


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
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
