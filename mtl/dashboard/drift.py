"""The drift reports of reports/monitoring, as far as the page shows them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtl.monitoring import MONITORING
from mtl.report.reading import clean


@dataclass(frozen=True)
class Batch:
    """One batch of a source against the reference of the champion of its day."""

    source: str
    date: str
    version: int | None = None
    rows: int | None = None
    compared: int = 0
    drifted: tuple[str, ...] = ()
    """SOURCE.COLUMN or tasks.NAME, with the aspect that drifted if that is not its values."""
    verdict: str = ""
    page: str = ""
    """Its own page, relative to the dashboard; empty if there is none."""


def read_batches(root: Path) -> list[Batch]:
    """Every report, the oldest first; one that cannot be read says so as its verdict."""
    found = [_batch(file) for file in sorted((root / MONITORING).glob("*.json"))]
    return sorted(found, key=lambda one: (one.date, one.source))


def _batch(file: Path) -> Batch:
    page = f"{MONITORING.name}/{file.stem}.html" if file.with_suffix(".html").is_file() else ""
    try:
        data = clean(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        data = None
    if not isinstance(data, dict):
        return Batch(file.stem, "", verdict="this report cannot be read", page=page)
    findings = [one for one in _list(data.get("findings")) if isinstance(one, Mapping)]
    rows = data.get("rows")
    return Batch(
        str(data.get("source") or file.stem), str(data.get("date") or ""), _whole(data.get("version")),
        _whole(rows.get("kept")) if isinstance(rows, Mapping) else None, _whole(data.get("comparisons")) or len(findings),
        tuple(_named(one) for one in findings if one.get("drifted")), str(data.get("verdict") or ""), page,
    )  # fmt: skip


def _named(finding: Mapping[str, Any]) -> str:
    aspect = str(finding.get("aspect") or "values")
    return f"{finding.get('where')}{'' if aspect == 'values' else f' ({aspect})'}"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
