"""Quality of the data: what each source brought, what was put into quarantine and why, what was expected of it."""

from __future__ import annotations

from typing import Any

from mtl.report.pictures.strips import stacked_bar
from mtl.report.reading import Findings
from mtl.report.words import count_of, percent
from mtl.spec import Spec

MOST_REASONS = 200
MOST_EXPECTATIONS = 400
MOST_COLUMNS = 12
MOST_TEXT = 80


def context(findings: Findings, spec: Spec) -> dict[str, Any] | str:
    if not findings.validations:
        return "reports/validation/ holds nothing: the stage validate has not run in this workspace."
    return {"sources": [_source(findings, name, found) for name, found in findings.validations.items()], "clip": clip}


def clip(value: Any) -> str:
    """A data value, not longer than a table can bear."""
    text = "" if value is None else str(value)
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}…"


def _source(findings: Findings, name: str, found: dict[str, Any]) -> dict[str, Any]:
    rows_in, kept, out = (int(found.get(k) or 0) for k in ("rows_in", "rows_kept", "rows_quarantined"))
    labels = found.get("labels") or {}
    lost = sum(int(c.get("quarantined") or 0) for c in labels.values())
    expectations = sorted(found.get("expectations") or [], key=lambda e: bool(e.get("success")))
    failing = [e for e in expectations if not e.get("success")]
    reasons = sorted(found.get("reasons") or [], key=lambda r: -int(r.get("count") or 0))
    bar = stacked_bar(
        [("kept", kept, f"kept: {kept:,} rows"), ("quarantined", out, f"quarantined: {out:,} rows")],
        f"{name}: {kept:,} of {rows_in:,} rows kept, {out:,} in quarantine",
        height=10,
    )
    return {
        "name": name,
        "rows_in": rows_in,
        "kept": kept,
        "out": out,
        "share": percent(out / rows_in if rows_in else 0, 2),
        "bar": bar,
        "labels": labels,
        "lost": lost,
        "reasons": reasons[:MOST_REASONS],
        "more_reasons": max(len(reasons) - MOST_REASONS, 0),
        "failing": failing[:MOST_EXPECTATIONS],
        "passing": [e for e in expectations if e.get("success")][:MOST_EXPECTATIONS],
        "stops": sum(1 for e in failing if e.get("severity") == "stop"),
        "expected": f"{count_of(len(expectations), 'expectation')}, {len(failing)} failed" if expectations else "no expectations",
        "compared_with": found.get("compared_with") or "spec",
        "nan": found.get("nan_read_as_missing") or {},
        "examples": _examples(findings.quarantined.get(name) or [], reasons),
    }


def _examples(rows: list[dict[str, Any]], reasons: list[dict[str, Any]]) -> dict[str, Any] | None:
    """A few quarantined rows, the columns that broke the contract first."""
    if not rows:
        return None
    guilty = list(dict.fromkeys(r.get("column") for r in reasons if r.get("what") == "row"))
    columns = [c for c in rows[0] if c not in ("row", "reasons")]
    order = [c for c in guilty if c in columns] + [c for c in columns if c not in guilty]
    return {"columns": order[:MOST_COLUMNS], "guilty": guilty, "rows": rows, "more": max(len(order) - MOST_COLUMNS, 0)}
