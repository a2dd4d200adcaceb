"""Put the table of reports/metrics.json into both READMEs, between their result marks: `make readme`, after `make run`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
MARKED = re.compile(r"<!-- results -->.*?<!-- /results -->", re.DOTALL)
COLUMNS = ("task", "metric", "this model", "single-task", "boosted trees", "delta, % (95 %)", "verdict")
HEAD = f"| {' | '.join(COLUMNS)} |\n|{' --- |' * len(COLUMNS)}"


def main() -> None:
    metrics = json.loads((ROOT / "reports/metrics.json").read_text(encoding="utf-8"))
    rows = [_row(name, task) for name, task in metrics["tasks"].items()]
    mean = _interval(metrics["delta_m"], metrics["delta_m_low"], metrics["delta_m_high"])
    table = "\n".join(["<!-- results -->", HEAD, *rows, f"| mean (`delta_m`) | | | | | {mean} | |", "<!-- /results -->"])
    for file in ("README.md", "README.zh-CN.md"):
        text = (ROOT / file).read_text(encoding="utf-8")
        (ROOT / file).write_text(MARKED.sub(lambda _: table, text), encoding="utf-8")


def _row(name: str, task: dict[str, Any]) -> str:
    figures = " | ".join("–" if task[rival] is None else f"{task[rival]:.3f}" for rival in ("value", "single_task", "trees"))
    delta = _interval(task["delta_pct"], task["delta_low"], task["delta_high"])
    return f"| {name} | {task['metric']} | {figures} | {delta} | {task['verdict']} |"


def _interval(value: float | None, low: float | None, high: float | None) -> str:
    return "–" if value is None or low is None or high is None else f"{value:+.1f} ({low:+.1f} to {high:+.1f})"


if __name__ == "__main__":
    main()
