"""`python -m mtl.services.supervisor ROOT`: starts the programs, starts again what ends, stops them all.

Whoever carries the workspace's mark in its environment is one of them: servers, workers, and the runs that workers start,
which have sessions of their own. So nothing is left over when the supervisor stops, and what a killed one left behind is
found by the next.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import FrameType
from urllib.error import URLError
from urllib.request import urlopen

from mtl.errors import MtlError
from mtl.files import write_json
from mtl.services.marked import end_marked
from mtl.services.places import STATUS, Places
from mtl.services.programs import Program, base_environment, servers, workers
from mtl.services.running import supervising
from mtl.spec import SPEC, read_spec

START = 180.0
"""Seconds a server has for its first start, which makes its database, on a busy machine."""
GRACE = 8.0
"""Seconds between asking the programs to end and ending them."""
LOOK = 0.5
"""Seconds between two looks at the programs."""
HEALTHY = 300.0
"""Seconds after which an end is a new trouble, and the waits between restarts begin anew; they grow to 64 s."""


class Supervised:
    """One program, and how often it had to be started again."""

    def __init__(self, program: Program, places: Places) -> None:
        self.program, self.places, self.restarts = program, places, 0
        self.in_a_row, self.not_before, self.began = 0, 0.0, 0.0
        self.process = self._start()

    def keep(self) -> bool:
        """Start it again if it has ended, each time a little later; whether it was."""
        if self.process.poll() is None or time.monotonic() < self.not_before:
            return False
        self.restarts += 1
        if time.monotonic() - self.began > HEALTHY:
            self.in_a_row = 0
        self.in_a_row = min(self.in_a_row + 1, 6)
        self.not_before = time.monotonic() + 2.0**self.in_a_row
        self.process = self._start()
        return True

    def answers(self) -> bool:
        if not self.program.health:
            return self.process.poll() is None
        try:
            with urlopen(self.program.health, timeout=2) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    def last_words(self) -> str:
        lines = self.places.log(self.program.name).read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else "nothing in its log"

    def _start(self) -> subprocess.Popen[bytes]:
        self.began = time.monotonic()
        log = self.places.log(self.program.name)
        log.parent.mkdir(parents=True, exist_ok=True)
        environment = base_environment(self.places) | dict(self.program.environment)
        command = [sys.executable, "-m", "mtl.services.child", *self.program.command]
        with log.open("ab") as stream:
            return subprocess.Popen(
                command, cwd=self.places.root, env=environment, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream,
                process_group=0,
            )  # fmt: skip


class Supervisor:
    """Over all programs of one workspace, until it is told to stop."""

    def __init__(self, places: Places, on_state: Callable[[str], None] = lambda _: None) -> None:
        self.on_state = on_state
        self.places, self.since = places, datetime.now().astimezone().isoformat(timespec="seconds")
        self.stopping = threading.Event()
        self.programs: list[Supervised] = []

    def run(self) -> None:
        """Start, watch, and stop at SIGTERM or SIGINT. Raises MtlError if a server does not come up."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._told_to_stop)
        end_marked(self.places.root, grace=GRACE)
        try:
            self._begin(servers(self.places))
            self._wait_for_servers()
            self._begin(workers(self.places))
            self._say("up")
            while not self.stopping.wait(LOOK):
                with suppress(OSError):  # a full disk: what runs goes on, and the next look tries again
                    if [one for one in self.programs if one.keep()]:
                        self._say("up")
        except MtlError as error:
            self._say("failed", str(error))
            raise
        finally:
            self._stop()

    def _told_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping.set()

    def _begin(self, programs: Sequence[Program]) -> None:
        self.programs += [Supervised(program, self.places) for program in programs if not self.stopping.is_set()]
        self._say("starting")

    def _wait_for_servers(self) -> None:
        until = time.monotonic() + START
        waiting = list(self.programs)
        while waiting and not self.stopping.wait(0.1):
            for one in waiting:
                if one.process.poll() is not None or time.monotonic() > until:
                    raise MtlError(
                        f"the service {one.program.name} does not come up", expected=f"an answer at {one.program.health}",
                        found=one.last_words(), do=f"see {self.places.log(one.program.name)}",
                    )  # fmt: skip
            waiting = [one for one in waiting if not one.answers()]

    def _say(self, state: str, error: str = "") -> None:
        write_json(self.places.root / STATUS, {
            "state": state, "error": error, "supervisor": os.getpid(), "since": self.since, "prefect": self.places.prefect,
            "mlflow": self.places.mlflow, "environment": self.places.environment(),
            "programs": [
                {"name": one.program.name, "pid": one.process.pid, "restarts": one.restarts, "port": one.program.port}
                for one in self.programs
            ],
        })  # fmt: skip
        self.on_state(state)

    def _stop(self) -> None:
        """Workers first, so that they can hand their runs back; then everything that carries the mark."""
        for one in reversed(self.programs):
            if not one.program.health:
                one.process.terminate()
        end_marked(self.places.root, grace=GRACE)
        for one in self.programs:
            one.process.wait()
        status = self.places.root / STATUS
        if status.is_file() and json.loads(status.read_text(encoding="utf-8"))["state"] != "failed":
            status.unlink()


def supervise(places: Places, on_state: Callable[[str], None] = lambda _: None) -> bool:
    """Supervise until told to stop; false if somebody else supervises this workspace."""
    with supervising(places.root) as mine:
        if mine:
            Supervisor(places, on_state).run()
        return mine


def main() -> None:
    root = Path(sys.argv[1]).resolve()
    supervise(Places(root, read_spec(root / SPEC).operations.services))


if __name__ == "__main__":
    try:
        main()
    except MtlError as problem:
        print(f"error: {problem}", file=sys.stderr)
        sys.exit(problem.exit_code)
