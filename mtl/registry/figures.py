"""What a version keeps of the run that made it, for whoever looks back: rows of each source, quarantine, cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mtl.evaluation.cost import tells_of_what_lies_there
from mtl.files import read_json
from mtl.layout import COST, VALIDATION
from mtl.spec import Spec

FIGURES = "figures.json"
COUNTS = ("rows_in", "rows_kept", "rows_quarantined")


def read_figures(root: Path, spec: Spec) -> dict[str, Any]:
    """sources: name -> rows_in, rows_kept, rows_quarantined, labels_quarantined, of each that was validated; cost as in
    reports/cost.json, if it tells of the candidate that lies there."""
    reports = {name: root / VALIDATION / f"{name}.json" for name in spec.sources}
    cost: dict[str, Any] = read_json(root / COST) if (root / COST).is_file() else {}
    told = {key: value for key, value in cost.items() if key != "of"} if cost and tells_of_what_lies_there(cost, root) else {}
    return {"sources": {name: _counts(read_json(file)) for name, file in reports.items() if file.is_file()}, "cost": told}


def _counts(report: dict[str, Any]) -> dict[str, Any]:
    lost = sum(int(one.get("quarantined") or 0) for one in (report.get("labels") or {}).values())
    return {name: report.get(name) for name in COUNTS} | {"labels_quarantined": lost}
