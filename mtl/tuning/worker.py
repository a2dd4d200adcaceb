"""`python -m mtl.tuning.worker`: a process that fits trials. A job is a line of JSON in, its answers are lines out.

The storage belongs to the process that started this one; whatever happens here costs one trial.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from dataclasses import asdict
from typing import Any, TextIO

from mtl.errors import MtlError
from mtl.process import die_with_parent
from mtl.tuning.base import Base
from mtl.tuning.data import Plan
from mtl.tuning.measure import measure


class Stop(Exception):  # noqa: N818  # no error: the trial is not worth going on with
    """Raised in the middle of a fit."""


def main() -> None:
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints must not be taken for an answer
    for line in sys.stdin:
        _tell(answers, **_done(json.loads(line), answers))


def _done(job: dict[str, Any], answers: TextIO) -> dict[str, Any]:
    def report(part: int, epoch: int, score: float) -> None:
        _tell(answers, part=part, epoch=epoch, score=score)
        if json.loads(sys.stdin.readline())["stop"]:
            raise Stop

    try:
        spec = Base(job["text"]).spec_with(job["values"])
        return {"measured": asdict(measure(spec, Plan(**job["plan"]), report))}
    except Stop:
        return {"stopped": True}
    except MtlError as error:
        return {"failed": str(error)}
    except Exception as error:
        traceback.print_exc()
        return {"failed": f"{type(error).__name__}: {error}"}


def _tell(answers: TextIO, **what: Any) -> None:
    answers.write(json.dumps(what) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
