"""What Prefect's page of a run shows beside states and logs: the tasks, the quarantine, where the report is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mtl.files import read_json
from mtl.layout import METRICS, REGISTRATION, REPORT, VALIDATION
from mtl.orchestration.events import REFUSED, emit
from mtl.orchestration.watch import Outcome


def publish(root: Path, outcomes: list[Outcome]) -> None:
    """Make the artifacts `tasks`, `quarantine`, `gate` and `report` of those stages that this run found or made right."""
    from prefect.artifacts import create_markdown_artifact, create_table_artifact

    right = {outcome.stage.partition("@")[0] for outcome in outcomes if outcome.ok}
    right -= {outcome.stage.partition("@")[0] for outcome in outcomes if not outcome.ok}
    if "evaluate" in right and (rows := task_rows(root)):
        create_table_artifact(table=rows, key="tasks", description="Each task against its rivals, on test.")
    if "validate" in right and (rows := quarantine_rows(root)):
        create_table_artifact(table=rows, key="quarantine", description="What broke the contract of its source, and why.")
    if "register" in right and (root / REGISTRATION).is_file():
        said = read_json(root / REGISTRATION)
        if rows := gate_rows(said):
            create_table_artifact(table=rows, key="gate", description=f"{decision(root)}: the rules, and which hold.")
        if said.get("decision") == "rejected" and any(one.stage == "register" and one.what != "unchanged" for one in outcomes):
            emit(
                REFUSED, said["model"], f"version {said.get('version')}", f"{decision(root)}: {'; '.join(said.get('reasons', ()))}"
            )
    if "report" in right and (root / REPORT).is_file():
        create_markdown_artifact(markdown=report_text(root), key="report", description="The report, and the registry's decision.")


def task_rows(root: Path) -> list[dict[str, Any]]:
    """One row a task, from reports/metrics.json; figures to three places."""
    if not (root / METRICS).is_file():
        return []
    columns = ("metric", "value", "ci_low", "ci_high", "single_task", "trees", "delta_pct", "verdict", "verdict_trees", "n_test")
    tasks = read_json(root / METRICS)["tasks"]
    return [{"task": name} | {column: _rounded(task.get(column)) for column in columns} for name, task in tasks.items()]


def quarantine_rows(root: Path) -> list[dict[str, Any]]:
    """One row a source and reason, from reports/validation; a source without any has one row that says so."""
    rows: list[dict[str, Any]] = []
    for path in sorted((root / VALIDATION).glob("*.json")):
        report = read_json(path)
        counts = {"source": report["source"], "rows in": report["rows_in"], "rows kept": report["rows_kept"]}
        reasons = report.get("reasons") or [{"what": "nothing", "column": "", "reason": "", "count": 0}]
        rows.extend(counts | {key: reason.get(key) for key in ("what", "column", "reason", "count")} for reason in reasons)
    return rows


def gate_rows(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a rule of reports/registration.json, those that failed first."""
    rows = [
        {"rule": one["rule"], "task": one.get("task", ""), "holds": "yes" if one["passed"] else "no", "detail": one["detail"]}
        for one in said.get("rules") or ()
    ]
    return sorted(rows, key=lambda row: row["holds"])


def decision(root: Path) -> str:
    """`version 3 of nhanes promoted`; what stands there if nothing was decided."""
    if not (root / REGISTRATION).is_file():
        return "nothing was registered"
    said = read_json(root / REGISTRATION)
    return f"version {said.get('version')} of {said.get('model')} {str(said.get('decision')).replace('_', ' ')}"


def report_text(root: Path) -> str:
    """Where the report is and what the registry decided, as Markdown."""
    page = (root / REPORT).resolve()
    lines = [f"[{REPORT}]({page.as_uri()}) on the machine that ran this: `{page}`"]
    if (root / REGISTRATION).is_file():
        said = read_json(root / REGISTRATION)
        lines.append(f"\n**{said.get('decision')}** {said.get('model') or ''} {said.get('version') or ''}\n")
        lines.extend(f"- {reason}" for reason in said.get("reasons", ()))
    return "\n".join(lines)


def _rounded(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value
