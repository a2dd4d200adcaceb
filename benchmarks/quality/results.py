"""The figures of finished cells: benchmarks/quality/results.json."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from benchmarks.quality.cells import Cell
from mtl.files import read_json, write_json

FILE = Path(__file__).with_name("results.json")
OF_TASK = ("metric", "value", "single_task", "trees", "diff", "delta_pct", "verdict", "verdict_trees", "n_test")
_one_at_a_time = threading.Lock()


def read() -> dict[str, dict[str, Any]]:
    """Name of a cell → its figures."""
    return dict(read_json(FILE)) if FILE.is_file() else {}


def add(cell: Cell, figures: dict[str, Any]) -> None:
    """Keep what tables need of a cell."""
    metrics = figures["metrics"]
    kept = {
        "data": cell.data, "seed": cell.seed, "share": cell.share, "changes": dict(cell.changes), "code": figures["code"],
        "seconds": figures["seconds"], "delta_m": [metrics["delta_m"], metrics["delta_m_low"], metrics["delta_m_high"]],
        "tasks": {name: {key: task[key] for key in OF_TASK} for name, task in metrics["tasks"].items()},
    }  # fmt: skip
    with _one_at_a_time:
        found = read()
        found[cell.name] = kept
        write_json(FILE, dict(sorted(found.items())))
