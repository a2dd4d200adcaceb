"""`mtl score SOURCE`: the champion predicts a batch of a source's rows; checked before, checked behind, written by the day."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl

from mtl.data.contract.chunks import chunks, files_of
from mtl.errors import ContractError, DataError
from mtl.files import write_json
from mtl.registry.package import Package
from mtl.registry.verbs import champion_package
from mtl.serving.answers import answered
from mtl.serving.arrival import Arrival, arrive, known_source
from mtl.serving.batch import cells_elsewhere
from mtl.serving.places import SCORED, Places, date_of, name_of, publish, writing_in
from mtl.serving.predictions import Asked, Counts, pieces, write_predictions
from mtl.spec import SPEC, Spec, read_spec


@dataclass(frozen=True)
class Scored:
    """What was predicted of one batch, and where it lies (paths as `out` was given)."""

    source: str
    date: datetime.date
    model: str
    version: int
    rows_in: int
    predicted: int
    quarantined: int
    reasons: dict[str, int]
    """`COLUMN: why` -> rows set aside, the most frequent first."""
    inputs: dict[str, int]
    """Input of the model that the source's entity may have -> rows that have a value of it."""
    warnings: tuple[str, ...]
    part: Path
    quarantine: Path | None
    """None if nothing was set aside."""
    report: Path

    def summary(self) -> str:
        """One line, and one more for each warning."""
        why = "; ".join(f"{count:,} × {reason}" for reason, count in list(self.reasons.items())[:3])
        why += "; …" if len(self.reasons) > 3 else ""
        aside = f"{self.quarantined:,} in quarantine ({why})" if self.quarantined else "none in quarantine"
        first = (
            f"{self.source}: {self.predicted:,} of {self.rows_in:,} rows predicted by version {self.version} of {self.model}, "
            f"{aside} -> {self.part}"
        )
        return "\n".join([first, *(f"  warning: {one}" for one in self.warnings)])


def score(root: Path, source: str, path: Path | None = None, date: datetime.date | None = None, out: Path | None = None) -> Scored:
    """Predict the table at `path` (the source's own if None) by the champion of the project in `root`.

    `path` and `out` (data/scored if None) are relative to `root`. `date`: of the partition that is written; left out, that of a
    dated partition that is read (`date_of`), else today's (UTC). The same rows, with the same cells of the entity's other sources
    beside them, and the same version give the same file, by the same name.

    Raises SpecError for a source that is not in the spec, RegistryError without a champion, DataError for a table that cannot be
    read, lacks a column that an input reads or has it in another type than the model, ContractError if more is in quarantine than
    the source allows (quarantine and report are then written) or if a prediction is none (then nothing is).
    """
    spec = read_spec(root / SPEC)
    known_source(spec, source)
    version, package = champion_package(root, spec)
    asked = Asked(root, spec, source, package, version, _tasks(spec, source, package, version))
    with writing_in(root / (out or SCORED)) as folder:
        came = arrive(root, spec, source, path, folder / source, labels=False)
        places = Places(out or SCORED, source, date or date_of(path, root, spec.sources[source].path), _name(asked, came))
        told = _told(asked, came, places, path)
        try:
            came.stop_past_limit(places.quarantine if told["quarantine"] else places.report)
        except ContractError as error:
            _write(root, folder, came, places, {**told, "refused": str(error)})
            raise
        counts = write_predictions(asked, _kept(came), folder / "part.parquet")
        told |= _behind(asked, came, counts, places)
        _write(root, folder, came, places, told)
        publish(folder / "part.parquet", root / places.part)
    return _scored(asked, counts, places, told)


def _tasks(spec: Spec, source: str, package: Package, version: int) -> list[Any]:
    entity = spec.entity_of(source)
    tasks = answered(package.encodings, entity)
    if not tasks:
        known = dict.fromkeys(name for one in package.encodings.inputs.values() for name in one.sources)
        raise DataError(
            f"source {source!r}: its entity {entity!r}", expected=f"an entity that version {version} reads: {', '.join(known)}",
            found="none of its inputs", do="score a source of those entities, or train anew (`mtl run`)",
        )  # fmt: skip
    return tasks


def _kept(came: Arrival) -> Iterator[pl.DataFrame]:
    return (frame for _, frame in chunks(files_of(came.kept)))


def _name(asked: Asked, came: Arrival) -> str:
    """Of the rows, and of all else that their predictions depend on."""
    others = cells_elsewhere(asked.root, asked.spec, asked.package.encodings, asked.source, pieces(_kept(came)))
    return name_of(asked.version, chain(_content(came), others))


def _content(came: Arrival) -> Iterator[pl.DataFrame]:
    """All of the batch, kept and set aside."""
    yield from _kept(came)
    yield from (frame for _, frame in chunks([came.aside / "rows.parquet"]))


def _told(asked: Asked, came: Arrival, places: Places, path: Path | None) -> dict[str, Any]:
    """What the report says before anything is predicted."""
    taken = ("rows_in", "rows_kept", "rows_quarantined", "reasons", "nan_read_as_missing")
    return {
        "source": asked.source, "batch": str(path or asked.spec.sources[asked.source].path), "date": places.date.isoformat(),
        "model": asked.spec.name, "version": asked.version,
        "quarantine": str(places.quarantine) if came.report["rows_quarantined"] else None,
        **{key: came.report[key] for key in taken},
    }  # fmt: skip


def _behind(asked: Asked, came: Arrival, counts: Counts, places: Places) -> dict[str, Any]:
    """What it says of the predictions. Raises ContractError if a kept row has none."""
    if counts.predicted != came.report["rows_kept"]:
        raise ContractError("the predictions", expected=f"{came.report['rows_kept']} rows", found=f"{counts.predicted}")
    entity = asked.spec.entity_of(asked.source)
    inputs = {name: counts.inputs[name] for name, one in asked.package.encodings.inputs.items() if entity in one.sources}
    beyond = {name: count for name, count in counts.outside.items() if count}
    warnings = [
        f"{name}: {count:,} of {counts.predicted:,} predictions outside {_bounds(asked, name)}" for name, count in beyond.items()
    ]
    if counts.without:
        warnings.append(f"without a value of any input: {counts.without:,} rows; what is predicted of them is the usual, no more")
    warnings += [f"no row has a value of the input {name!r}" for name, count in inputs.items() if not count]
    return {
        "predicted": counts.predicted, "part": str(places.part), "tasks": [task.name for task in asked.tasks], "inputs": inputs,
        "without_inputs": counts.without, "outside": beyond, "warnings": warnings,
    }  # fmt: skip


def _bounds(asked: Asked, name: str) -> str:
    task = next(one for one in asked.tasks if one.name == name)
    said = asked.spec.tasks[task.of]
    low, high = ("" if one is None else f"{one:g}" for one in (said.min, said.max))
    return f"{low} … {high} {task.unit}".strip()


def _write(root: Path, folder: Path, came: Arrival, places: Places, told: dict[str, Any]) -> None:
    """Quarantine, if there is any, and report."""
    if told["quarantine"] is not None:
        publish(came.aside / "rows.parquet", root / places.quarantine)
    write_json(folder / "report.json", told)
    publish(folder / "report.json", root / places.report)


def _scored(asked: Asked, counts: Counts, places: Places, told: dict[str, Any]) -> Scored:
    reasons = {f"{one['column']}: {one['reason']}": one["count"] for one in told["reasons"] if one["what"] == "row"}
    return Scored(
        asked.source, places.date, asked.spec.name, asked.version, told["rows_in"], counts.predicted, told["rows_quarantined"],
        reasons, told["inputs"], tuple(told["warnings"]), places.part, places.quarantine if told["quarantine"] else None,
        places.report,
    )  # fmt: skip
