"""reports/plots/*.csv, the tables behind `dvc plots`."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mtl.files import replacing

Row = Sequence[Any]


def write_plots(folder: Path, evaluation: Mapping[str, Any]) -> None:
    """deltas.csv, calibration.csv and predictions.csv from the content of evaluation.json; always all three."""
    tasks = evaluation["tasks"]
    with replacing(folder) as partial:
        partial.mkdir()
        _write(partial / "deltas.csv", ("task", "delta", "low", "high", "verdict"), deltas(tasks))
        _write(partial / "calibration.csv", ("task", "predicted", "observed", "count"), calibration(tasks))
        _write(partial / "predictions.csv", ("task", "predicted", "true"), predictions(tasks))


def deltas(tasks: Mapping[str, Any]) -> Iterator[Row]:
    """Each task's delta against single-task in percent; empty cells where undefined."""
    for name, task in tasks.items():
        against = task["vs"].get("single_task", {})
        yield name, *(against.get(key) for key in ("delta_pct", "delta_low", "delta_high", "verdict"))


def calibration(tasks: Mapping[str, Any]) -> Iterator[Row]:
    """A row a bin."""
    for name, task in tasks.items():
        if curve := task["calibration"]:
            yield from ((name, *row) for row in zip(curve["predicted"], curve["observed"], curve["count"]))


def predictions(tasks: Mapping[str, Any]) -> Iterator[Row]:
    """A row a point."""
    for name, task in tasks.items():
        if points := task["scatter"]:
            yield from ((name, *row) for row in zip(points["predicted"], points["true"]))


def _write(path: Path, header: Row, rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
