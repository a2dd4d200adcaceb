"""A contest: entrants do the same work round by round, each beside the baseline; what is reported is the ratio.

Every entrant is a process of its own, so that its peak memory is its own; only one of them works at a time. A round of
an entrant is a pair, the baseline and the entrant right after each other, in turns first. CPU time, not wall-clock: what
else runs on the machine slows both, and a pair is short.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.work import HERE

ROOT = Path(__file__).parent.parent
PEERS = Path(__file__).parent / ".peers"
TOGETHER = 5
"""Entrants whose processes are kept at the same time: memory is bounded, and each is measured in turn with the others."""

Answer = dict[str, Any]


@dataclass(frozen=True)
class Entrant:
    """Somebody who can do the work: a module with `start` (`benchmarks.worker` serves it), and what it is asked."""

    name: str
    module: str
    question: dict[str, Any]
    peer: str | None = None
    """The environment under benchmarks/.peers it runs in; None: the one of mtl."""
    fresh: bool = False
    """A new process each round: the work is a whole job."""

    @property
    def python(self) -> Path:
        return PEERS / self.peer / "bin" / "python" if self.peer else Path(sys.executable)


class WorkerError(Exception):
    """A worker that is not there, or died; says what it said last."""


class Worker:
    """The process of an entrant, made ready; a context that ends it."""

    def __init__(self, entrant: Entrant) -> None:
        if not entrant.python.exists():
            raise WorkerError(f"not installed (benchmarks/peers/install {entrant.peer})")
        self.log = HERE / "logs" / f"{entrant.name.replace('/', '-').replace(' ', '-')}.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        threads = str(entrant.question.get("threads", 1))
        env = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads)
        env |= {"POLARS_MAX_THREADS": threads, "CUDA_VISIBLE_DEVICES": "", "PYTHONWARNINGS": "ignore"}
        command = [str(entrant.python), "-m", "benchmarks.worker", entrant.module]
        pipe = subprocess.PIPE
        with self.log.open("w") as said:
            self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=said, cwd=ROOT, env=env, text=True)
        try:
            self._say(json.dumps(entrant.question))
        except WorkerError:
            self.close()
            raise

    def go(self) -> Answer:
        """One round."""
        return self._say("go")

    def _say(self, line: str) -> Answer:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise WorkerError(self._last_words()) from None
        answer = self.process.stdout.readline()
        if not answer:
            raise WorkerError(self._last_words())
        return dict(json.loads(answer))

    def _last_words(self) -> str:
        self.process.wait()
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1].strip() if lines else f"ended with code {self.process.returncode}"

    def close(self) -> None:
        """End the process: without input it ends by itself."""
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()
        self.process.wait()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass
class Result:
    """Of one entrant: its answers and the baseline's beside each; or why there are none."""

    entrant: Entrant
    answers: list[Answer] = field(default_factory=list)
    beside: list[Answer] = field(default_factory=list)
    error: str | None = None

    def ratios(self, what: str = "cpu") -> list[float]:
        return [mine[what] / theirs[what] for mine, theirs in zip(self.answers, self.beside, strict=True)]

    def ratio(self, what: str = "cpu") -> float:
        return statistics.median(self.ratios(what))

    def median(self, what: str) -> float:
        return statistics.median(answer[what] for answer in self.answers)

    @property
    def peak_mib(self) -> float:
        return max(answer["peak_mib"] for answer in self.answers)


def contest(baseline: Entrant, entrants: Iterable[Entrant], rounds: int, warm: int = 1) -> list[Result]:
    """Results of the entrants, in order, and of the baseline beside itself first (what the ratio's noise is)."""
    waiting = [baseline, *entrants]
    results = []
    with ExitStack() as stack:
        ours = None if baseline.fresh else stack.enter_context(_warmed(baseline, warm))
        for start in range(0, len(waiting), TOGETHER):
            results += _group(ours, baseline, waiting[start : start + TOGETHER], rounds, warm)
    return results


def _group(ours: Worker | None, baseline: Entrant, entrants: Sequence[Entrant], rounds: int, warm: int) -> list[Result]:
    results = {entrant.name: Result(entrant) for entrant in entrants}
    with ExitStack() as stack:
        workers: dict[str, Worker | None] = {}
        for entrant in entrants:
            try:
                workers[entrant.name] = None if entrant.fresh else stack.enter_context(_warmed(entrant, warm))
            except WorkerError as error:
                _lost(results[entrant.name], error)
        for number in range(rounds):
            for name, worker in workers.items():
                if results[name].error is None:
                    _pair(results[name], worker, ours, baseline, first=number % 2 == 0)
            _progress(number + 1, rounds, results.values())
    return list(results.values())


def _pair(result: Result, worker: Worker | None, ours: Worker | None, baseline: Entrant, first: bool) -> None:
    """One round of an entrant and one of the baseline; `first`: the entrant goes first."""
    try:
        if first:
            mine, theirs = _once(worker, result.entrant), _once(ours, baseline)
        else:
            theirs, mine = _once(ours, baseline), _once(worker, result.entrant)
    except WorkerError as error:
        _lost(result, error)
    else:
        result.answers.append(mine)
        result.beside.append(theirs)


def _once(worker: Worker | None, entrant: Entrant) -> Answer:
    if worker is not None:
        return worker.go()
    with Worker(entrant) as fresh:
        return fresh.go()


def _warmed(entrant: Entrant, warm: int) -> Worker:
    worker = Worker(entrant)
    try:
        for _ in range(warm):
            worker.go()
    except WorkerError:
        worker.close()
        raise
    return worker


def _lost(result: Result, error: WorkerError) -> None:
    result.error = str(error)
    print(f"{result.entrant.name}: {error}", file=sys.stderr, flush=True)


def _progress(number: int, rounds: int, results: Iterable[Result]) -> None:
    told = ", ".join(f"{r.entrant.name} {r.ratios()[-1]:.2f}" for r in results if r.error is None)
    print(f"round {number} of {rounds}: {told}", file=sys.stderr, flush=True)
