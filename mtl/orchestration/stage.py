"""One stage in a child process: `dvc repro --single-item STAGE`, in the flow's process group.

A crash of a stage cannot take the flow down, GPU memory is given back when it ends, and Prefect's worker, which
cancels with killpg, reaches it. Where only the flow is killed, the kernel kills the child (`die_with_parent`).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from mtl.files import replacing
from mtl.layout import STATE
from mtl.orchestration.local import child_environment
from mtl.orchestration.watch import Outcome, What
from mtl.process import PARENT

DVC = (sys.executable, "-m", "mtl.orchestration.dvc_child", "--wait-for-lock")
"""Without --wait-for-lock DVC gives up after 3 s, with the stage's work already done."""
LOGS = STATE / "logs"
PLACES = max(2, min(4, os.cpu_count() or 2))
"""Stages that may run side by side."""
TAIL = 200
"""Lines of output kept to find a failed stage's message in."""

Say = Callable[[str], None]
Env = Mapping[str, str]

_places = threading.BoundedSemaphore(PLACES)
_running: set[subprocess.Popen[str]] = set()
_stopping = threading.Event()

_EXITED = re.compile(r"exited with (-?\d+)\s*$")
_RESTORED = "is cached - skipping run"
_CHATTER = re.compile(
    r"To track the changes with git|To enable auto staging|\s+(git add|dvc config) |Use `dvc push`|(Updating|Generating) lock file"
)


def run_stage(root: Path, stage: str, *, force: bool = False, on_line: Say = lambda _: None, env: Env | None = None) -> Outcome:
    """Run a stale stage; every line it prints goes to `on_line` and to `.mtl/logs/STAGE.log`. `env`: variables of its own.

    A failure is an outcome, not an error.
    """
    command = [*DVC, "repro", "--single-item", *(["--force"] if force else []), stage]
    with _places:
        if _stopping.is_set():
            return Outcome(stage, "failed", message="stopped before it began", exit_code=1)
        started = time.perf_counter()
        lines, code = run_command(command, root, stage, on_line, env)
        seconds = round(time.perf_counter() - started, 2)
    if code:
        return Outcome(stage, "failed", seconds, failure_message(lines, code), _exit_code(lines, code))
    what: What = "restored" if any(_RESTORED in line for line in lines) else "ran"
    return Outcome(stage, what, seconds)


def stop_all() -> None:
    """End every stage that runs, and start none: DVC gets SIGTERM, and the stage goes with it."""
    _stopping.set()
    for process in list(_running):
        process.terminate()


def is_stopping() -> bool:
    """Whether `stop_all` was called: whoever waits for something else than a child of ours looks here."""
    return _stopping.is_set()


def allow() -> None:
    """Stages may start again after `stop_all`."""
    _stopping.clear()


def failure_message(lines: Iterable[str], code: int) -> str:
    """A failed stage's own words: the last unindented line it printed with the indented ones below it.

    An MtlError is printed like that; of a traceback only the last line is left. Without any word of the stage,
    what DVC says.
    """
    lines = list(lines)
    dvc = next((line for line in lines if line.startswith("ERROR: ")), "")
    said = [line for line in lines if not line.startswith(("ERROR: ", "Running stage ", "> ")) and line.strip()]
    cut = next((i for i in range(len(said) - 1, -1, -1) if not said[i].startswith((" ", "\t"))), 0)
    message = "\n".join(said[cut:]).removeprefix("error: ")
    exited = _EXITED.search(dvc)
    signal = code if code < 0 else int(exited[1]) if exited else 0
    if signal < 0:
        killed = f"killed by signal {-signal}" + (" (out of memory?)" if signal == -9 else "")
        return f"{killed}; the last it said: {message}" if message else killed
    return message or dvc.removeprefix("ERROR: ") or f"dvc ended with {code}"


def run_command(command: Sequence[str], root: Path, name: str, on_line: Say, env: Env | None = None) -> tuple[deque[str], int]:
    """Run it as a child; the last lines it printed, and its exit code. All it printed goes to `.mtl/logs/NAME.log` too."""
    lines: deque[str] = deque(maxlen=TAIL)
    environ = child_environment() | dict(env or {}) | {PARENT: str(os.getpid())}
    log_path = root / LOGS / f"{name}.log"
    with (
        replacing(log_path) as partial,
        partial.open("w", encoding="utf-8") as log,
        subprocess.Popen(
            command, cwd=root, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, encoding="utf-8", errors="replace",
        ) as process,
    ):  # fmt: skip
        _running.add(process)
        try:
            for line in _spoken(process.stdout or ()):
                log.write(line + "\n")
                lines.append(line)
                on_line(line)
        finally:
            _running.discard(process)
    return lines, process.returncode


def _spoken(stream: Iterable[str]) -> Iterable[str]:
    """Lines that say something: no blank ones, none of DVC's hints on git, of a progress bar its last state."""
    for raw in stream:
        line = raw.rstrip().rpartition("\r")[2]
        if line.strip() and not _CHATTER.match(line):
            yield line


def _exit_code(lines: Iterable[str], code: int) -> int:
    """2 if the stage found the spec wrong, else 1; DVC itself ends with 255 (or 1) whatever the stage's code."""
    codes = [int(found[1]) for line in lines if (found := _EXITED.search(line))]
    return 2 if codes and codes[-1] == 2 else 1
