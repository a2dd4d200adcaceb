"""`mtl monitor SOURCE`: a batch of a source's rows against what the champion was trained on."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mtl.errors import SpecError
from mtl.files import write_json
from mtl.monitoring import MONITORING
from mtl.monitoring.arrived import batch_profile
from mtl.monitoring.compare import TASKS, Finding, compare
from mtl.monitoring.page import write_page
from mtl.monitoring.profile import Profile
from mtl.registry.reference import champion_reference
from mtl.serving.batch import Batch, read_batch
from mtl.serving.places import date_of, name_of
from mtl.spec import SPEC, Monitor, Spec, read_spec
from mtl.spec.links import nearest

Verdict = Literal["drifted", "nothing drifted", "too few rows"]


@dataclass(frozen=True)
class Monitored:
    """What was found of one batch, and where it is told (paths relative to the root)."""

    source: str
    date: datetime.date
    batch: str
    """Where it came from."""
    model: str
    version: int
    """The champion."""
    rows: dict[str, int]
    """in, kept, quarantined"""
    verdict: Verdict
    findings: tuple[Finding, ...]
    """All comparisons, drifted ones first; none of too few rows."""
    notes: tuple[str, ...]
    """What was not compared, and why."""
    monitor: Monitor
    report: Path
    page: Path

    @property
    def drifted(self) -> tuple[Finding, ...]:
        return tuple(one for one in self.findings if one.drifted)

    def summary(self) -> str:
        """A line for the verdict, one for each that drifted, one for each note."""
        lead = f"{self.source} {self.date}: {self.rows['kept']:,} rows against version {self.version} of {self.model}"
        compared = f"{len(self.findings)} comparisons"
        said = {
            "too few rows": f"too few rows to tell ({self.monitor.least_rows} are needed)",
            "nothing drifted": f"nothing drifted ({compared})",
            "drifted": f"{len(self.drifted)} of {compared} drifted",
        }[self.verdict]
        notes = [f"  note: {one}" for one in self.notes]
        return "\n".join([f"{lead}: {said}", *(f"  {one.line}" for one in self.drifted), *notes, f"  -> {self.page}"])

    def as_json(self) -> dict[str, Any]:
        plain = {key: getattr(self, key) for key in ("source", "batch", "model", "version", "rows", "verdict")}
        return {
            **plain, "date": self.date.isoformat(), "comparisons": len(self.findings), "drifted": [f.line for f in self.drifted],
            "notes": list(self.notes), "thresholds": self.monitor.model_dump(mode="json"),
            "findings": [one.as_json() for one in self.findings],
        }  # fmt: skip


def monitor(root: Path, source: str, path: Path | None = None, date: datetime.date | None = None) -> Monitored:
    """Compare the table at `path` (relative to `root`; the source's own if None) with the champion's reference profile.

    Writes reports/monitoring/SOURCE-DATE-HASH.json, the batch's profile in it, and a page of that name. `date`: if left out, that
    of a partition `date=…` that is read, else today's (UTC). The hash is of the rows and the version: another batch of the same day
    stands beside it, and the same one takes its place again, with the same bytes unless the entity's other sources changed.

    Raises SpecError for a source, or a threshold of a column, that is not there, RegistryError without a champion or its profile,
    DataError for a table that cannot be read, ContractError if more is in quarantine than the source allows.
    """
    spec = read_spec(root / SPEC)
    batch = read_batch(root, spec, source, path)
    version, package, known = champion_reference(root, spec)
    reference = Profile.parse(known)
    _names_are_known(spec, reference)
    enough = batch.kept.height >= spec.operations.monitor.least_rows
    found, notes = batch_profile(root, spec, package, reference, batch) if enough else (Profile(), [])
    findings = compare(reference, found, spec.operations.monitor) if enough else []
    verdict: Verdict = "drifted" if any(one.drifted for one in findings) else "nothing drifted"
    date = date or date_of(path, root, spec.sources[source].path)
    stem = f"{source}-{date.isoformat()}-{name_of(version, [batch.kept])[:8]}"
    told = Monitored(
        source, date, str(path or spec.sources[source].path), spec.name, version, _rows(batch),
        verdict if enough else "too few rows", tuple(findings), tuple(notes), spec.operations.monitor,
        MONITORING / f"{stem}.json", MONITORING / f"{stem}.html",
    )  # fmt: skip
    write_json(root / told.report, {**told.as_json(), "profile": found.as_json()})
    write_page(told, root / told.page)
    return told


def _rows(batch: Batch) -> dict[str, int]:
    return {key: int(batch.report[f"rows_{key}"]) for key in ("in", "kept", "quarantined")}


def _names_are_known(spec: Spec, reference: Profile) -> None:
    """Thresholds of a name that nothing has would never be asked for."""
    tasks = dict.fromkeys(task for of in reference.predictions.values() for task in of) | reference.labels
    embedded = {f"{s}.{key.rpartition('@')[0]}" for s, of in reference.embeddings.items() for key in of}
    names = [*reference.columns, *sorted(embedded - reference.columns.keys()), *(TASKS + task for task in tasks)]
    for part, said in (("columns", spec.operations.monitor.columns), ("ignore", spec.operations.monitor.ignore)):
        for name in said:
            if name not in names:
                raise SpecError(
                    f"params.yaml, operations.monitor.{part}: {name!r}",
                    expected="a column of the champion's reference profile (SOURCE.COLUMN), or a task (tasks.NAME)",
                    found="no such name", do=nearest(name, names),
                )  # fmt: skip
