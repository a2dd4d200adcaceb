"""Ctrl-C while a search runs: noted at once, answered between two answers of the workers.

An exception raised by the signal itself can land anywhere: inside a transaction of the study, or inside a finalizer, where
Python prints and forgets it.
"""

from __future__ import annotations

import signal
from types import FrameType, TracebackType

PERIOD = 0.5
"""Seconds until a search that waits for its workers looks whether somebody wants it to stop."""


class Interrupt:
    """As a context: while it is open, the first SIGINT is noted only; another one raises as ever."""

    def __init__(self) -> None:
        self._asked = False
        self._before = signal.getsignal(signal.SIGINT)

    def __enter__(self) -> Interrupt:
        signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True

    def check(self) -> None:
        """Raises KeyboardInterrupt if one was noted."""
        if self._asked:
            raise KeyboardInterrupt
