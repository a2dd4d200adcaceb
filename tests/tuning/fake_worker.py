"""A worker that learns nothing: its scores follow from the values alone, and some values make it fail.

model.width: the score is |width − 40| / 100 + 0.5; 13: its process is killed; 14: only the first time; 15: an error;
16 and below are quick, others take `MTL_FAKE_SECONDS` in all.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

EPOCHS = 10


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for line in sys.stdin:
        job = json.loads(line)
        print(json.dumps(done(job)), flush=True)


def done(job: dict) -> dict:
    width = job["values"].get("model.width", 16)
    final = abs(width - 40) / 100 + 0.5
    if width == 13 or (width == 14 and not Path("died").exists()):
        Path("died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if width == 15:
        return {"failed": "the loss of ill\n  expected: a finite number"}
    parts = range(job["plan"]["folds"] or 1)
    for part in parts:
        for epoch in range(1, EPOCHS + 1):
            time.sleep(float(os.environ.get("MTL_FAKE_SECONDS", 0)) / EPOCHS)
            print(json.dumps({"part": part, "epoch": epoch, "score": final + (EPOCHS - epoch) / 100}), flush=True)
            if json.loads(sys.stdin.readline())["stop"]:
                return {"stopped": True}
    losses = {"weight": final, "ill": final / 2}
    measured = {"score": final, "parts": [final] * len(parts), "losses": losses, "epochs": [EPOCHS] * len(parts)}
    return {"measured": {**measured, "parameters": width, "seconds": 0.1}}


if __name__ == "__main__":
    main()
