"""The worker's side of a contest: `python -m benchmarks.worker MODULE` does one entrant's work when told to, and says what
it cost.

It reads one JSON object (the question) from standard input, then `go` lines; it answers each with one JSON line. What
libraries print goes to standard error, so that nothing else is on standard output. Needs nothing but Python: peers run
it in environments of their own.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Question = dict[str, Any]
"""What to do: `work` (folder), `tasks`, `threads`, and whatever else the entrant wants to know."""
Work = Callable[[], Any]
"""One round of the work; what it returns (JSON) is passed on."""


def cpu_seconds() -> float:
    """Of this process and of the children it has waited for, user and system."""
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in usage)


def peak_mib() -> float:
    """Largest resident memory this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def held_mib() -> float:
    """Resident memory of now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def serve(module: str) -> None:
    """Answer standard input until it ends; the module's `start` makes the work ready (imports, data, network)."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    question = json.loads(sys.stdin.readline())
    work: Work = importlib.import_module(module).start(question)
    before = held_mib()
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        if line.strip() != "go":
            break
        cpu, wall = cpu_seconds(), time.perf_counter()
        said = work()
        cpu, wall = cpu_seconds() - cpu, time.perf_counter() - wall
        answer = {"cpu": cpu, "wall": wall, "total_cpu": cpu_seconds(), "peak_mib": peak_mib(), "own_mib": peak_mib() - before}
        print(json.dumps(answer | {"said": said}), file=answers, flush=True)


if __name__ == "__main__":
    serve(sys.argv[1])
