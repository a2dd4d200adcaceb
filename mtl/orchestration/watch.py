"""Who is told, in the flow's own process, what the stages do: nobody, or the person at the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

What = Literal["ran", "restored", "unchanged", "failed", "retrying", "not run"]


@dataclass(frozen=True)
class Outcome:
    """What became of one stage. `restored`: DVC had the outputs of just these inputs; `retrying`: failed, but not for good."""

    stage: str
    what: What
    seconds: float = 0.0
    message: str = ""
    """Of a failed stage: its own last words."""
    exit_code: int = 0

    @property
    def ok(self) -> bool:
        return self.what in ("ran", "restored", "unchanged")


class Watcher:
    """Hears of every stage; this one keeps silent. Called from several threads."""

    def started(self, stage: str) -> None: ...

    def line(self, stage: str, text: str) -> None: ...

    def finished(self, outcome: Outcome) -> None: ...


_watchers: list[Watcher] = [Watcher()]


def watcher() -> Watcher:
    return _watchers[-1]


@contextmanager
def watched_by(new: Watcher) -> Iterator[None]:
    """Tell `new` instead, inside the block."""
    _watchers.append(new)
    try:
        yield
    finally:
        _watchers.remove(new)
