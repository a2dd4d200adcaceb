"""Cost, each figure against the single-task networks together."""

from __future__ import annotations

from typing import Any

from mtl.report.pictures.strips import share_bar
from mtl.report.reading import Findings
from mtl.report.sections.common import value_of
from mtl.report.words import number
from mtl.spec import Spec

FIGURES = (
    ("parameters", "Parameters", "", "what is kept in memory and loaded to serve"),
    ("train_seconds", "Training", "s", "wall-clock on this machine, early stopping included"),
    ("predict_us_per_row", "Prediction", "µs a row", "all tasks of one row, in batches"),
)


def context(findings: Findings, spec: Spec) -> dict[str, Any] | str:
    if not findings.cost:
        return "reports/cost.json is not there, or tells of other models: what was restored from the cache was not measured here."
    known = [figure for key, *_ in FIGURES if (figure := findings.cost.get(key)) and value_of(figure.get("ratio")) is not None]
    longest = max([1.0, *(float(figure["ratio"]) for figure in known)])
    rows = [_row(key, name, unit, note, findings.cost.get(key) or {}, longest) for key, name, unit, note in FIGURES]
    return {"rows": rows, "tasks": len(findings.tasks)}


def _row(key: str, name: str, unit: str, note: str, figure: dict[str, Any], longest: float) -> dict[str, Any]:
    ratio = value_of(figure.get("ratio"))
    if ratio is None:
        adopted = ", ".join(figure.get("adopted") or ())
        missing = f"without {adopted}: taken over from the single-task networks, so no ratio" if adopted else ""
        missing = missing or "not measured here: restored from the cache"
        return {
            "name": name,
            "note": note,
            "model": _with(figure.get("model"), unit),
            "single_task": _with(figure.get("single_task"), unit),
            "ratio": "",
            "bar": "",
            "missing": missing,
            "dearer": False,
        }
    note += ", the teachers' included" if figure.get("taught") else ""
    title = f"{name}: {number(ratio, 2)} times the single-task networks"
    bar = share_bar(ratio / longest, title, "shared" if ratio <= 1 else "worse", reference=1 / longest)
    return {
        "name": name,
        "note": note,
        "model": _with(figure.get("model"), unit),
        "single_task": _with(figure.get("single_task"), unit),
        "ratio": f"{number(ratio, 2)} ×",
        "bar": bar,
        "missing": "",
        "dearer": ratio > 1,
    }


def _with(value: Any, unit: str) -> str:
    return f"{number(value)} {unit}".strip() if value is not None else number(None)
