"""Processes that fit trials, seen from the one that hands them out."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from mtl.layout import STATE
from mtl.process import PARENT
from mtl.tuning import worker
from mtl.tuning.base import Base, Values
from mtl.tuning.data import Plan

LOG = STATE / "logs" / "tune.log"
"""What workers and their libraries print."""
COMMAND = [sys.executable, "-m", worker.__name__]


class Worker:
    """One process and the number of the trial it has."""

    def __init__(self, log: IO[str]) -> None:
        environ = {**os.environ, PARENT: str(os.getpid())}
        self._process = subprocess.Popen(
            COMMAND, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, encoding="utf-8"
        )  # fmt: skip
        self.trial: int | None = None

    @property
    def answers(self) -> IO[str]:
        assert self._process.stdout is not None
        return self._process.stdout

    @property
    def pid(self) -> int:
        return self._process.pid

    def give(self, trial: int, base: Base, values: Values, plan: Plan) -> None:
        """Start a trial."""
        self.trial = trial
        self.say(text=base.text, values=values, plan=asdict(plan))

    def say(self, **what: Any) -> None:
        """A line to the process; if it is no more, that shows when its answer is read."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(what) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return

    def end(self) -> int:
        """Kill it, if it still runs; its exit code."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                _close(pipe)
        return self._process.wait()


class Pool:
    """`processes` workers, each started when there is a trial for it."""

    def __init__(self, processes: int) -> None:
        LOG.parent.mkdir(parents=True, exist_ok=True)
        self._log = LOG.open("w", encoding="utf-8")
        self._selector = selectors.DefaultSelector()
        self._places = processes
        self.workers: list[Worker] = []

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for one in list(self.workers):
            self.remove(one)
        self._selector.close()
        self._log.close()

    @property
    def busy(self) -> list[Worker]:
        return [one for one in self.workers if one.trial is not None]

    @property
    def has_place(self) -> bool:
        return len(self.busy) < self._places

    def free(self) -> Worker:
        """A worker without a trial: one that waits, or a new one."""
        for one in self.workers:
            if one.trial is None:
                return one
        new = Worker(self._log)
        self.workers.append(new)
        self._selector.register(new.answers, selectors.EVENT_READ, new)
        return new

    def remove(self, one: Worker) -> int:
        """End a worker; its exit code, negative where a signal ended it."""
        self._selector.unregister(one.answers)
        self.workers.remove(one)
        return one.end()

    def answers(self, seconds: float | None = None) -> Iterator[tuple[Worker, dict[str, Any] | None]]:
        """What workers say, in the order of their start; None of one that has died. Waits for the first answer."""
        ready = [key.data for key, _ in self._selector.select(seconds)]
        for one in [mine for mine in self.workers if mine in ready]:
            line = one.answers.readline()
            yield one, json.loads(line) if line.endswith("\n") else None


def said_on_log(lines: int = 1) -> str:
    """The last lines workers left, for a message."""
    text = Path(LOG).read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return "\n".join(text[-lines:])


def _close(pipe: IO[str]) -> None:
    try:
        pipe.close()
    except BrokenPipeError:
        return
