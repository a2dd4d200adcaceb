"""A table that arrived, in a folder of its own: ingested and checked as a source's own is; the workspace stays as it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtl.data.contract.chunks import files_of
from mtl.data.contract.kinds import present, settle
from mtl.data.contract.limits import stop_past_limit
from mtl.data.contract.report import Tally
from mtl.data.contract.validate import rules_from, walk
from mtl.data.sources import ingest_source, read_header
from mtl.errors import DataError, SpecError
from mtl.layout import VALIDATED
from mtl.serving.wanted import as_before, wanted
from mtl.spec import Source, Spec
from mtl.spec.links import nearest


@dataclass(frozen=True)
class Arrival:
    """What a batch became, on disk."""

    source: str
    kept: Path
    """Folder of the rows that keep their contract, part-NNNN.parquet, as data/validated/SOURCE."""
    aside: Path
    """Folder of the others with their reasons, rows.parquet and cells.parquet, as data/quarantine/SOURCE."""
    tally: Tally
    report: dict[str, Any]
    """As reports/validation/SOURCE.json."""
    limit: float

    def stop_past_limit(self, look_at: Path) -> None:
        """Raise ContractError if more is in quarantine than the source allows; it names a place to look at."""
        stop_past_limit(self.tally, self.limit, look_at)


def arrive(root: Path, spec: Spec, source: str, path: Path | None, folder: Path, *, labels: bool) -> Arrival:
    """Ingest and check the table at `path` (relative to `root`; the source's own if None) in the new folder `folder`.

    `path`: what the source's own may be, or one partition of it, whose folders' names (`date=2026-11-22`) are columns. Of an
    SQL source the query is asked, or a file is read that holds its columns. Columns that no input reads are checked only with
    `labels`. Raises SpecError for a source that is not in the spec, DataError for a table that cannot be read, lacks a column
    that an input reads or has a key twice.
    """
    known_source(spec, source)
    folder.mkdir(parents=True)
    base, said = _placed(root, spec.sources[source], path, folder / "arrived")
    spec = spec.model_copy(update={"sources": {**spec.sources, source: said}})
    place = said.path if path is None else str(path)
    spec, uses = wanted(spec, source, read_header(spec, source, base), place, labels=labels)
    ingested, kept, aside = (folder / name for name in ("ingested", "validated", "quarantine"))
    ingest_source(spec, source, base, ingested)
    files, derived = files_of(ingested), spec.sources[source].derived
    known = as_before(present(uses, derived, source, files), derived, root / VALIDATED / source)
    rules = rules_from(spec, source, settle(known, derived, files), files)
    kept.mkdir()
    tally, quarantined = walk(spec, source, files, rules, kept, aside)
    report = tally.validation(quarantined, "spec", []).as_json()
    return Arrival(source, kept, aside, tally, report, spec.sources[source].max_quarantined)


def known_source(spec: Spec, source: str) -> None:
    """Raise SpecError, with the nearest name, for a source that is not in the spec."""
    if source not in spec.sources:
        raise SpecError(
            f"source {source!r}", expected="a source of params.yaml", found="no such name", do=nearest(source, spec.sources)
        )


def _placed(root: Path, source: Source, path: Path | None, staging: Path) -> tuple[Path, Source]:
    """What paths are relative to, and the source as it stands there."""
    if path is None or (source.is_sql and root / path == root / source.path):
        return root, source
    if not (root / path).exists():
        raise _nowhere(root, path)
    if source.is_sql:
        source = source.model_copy(update={"url": None, "query": None, "watermark": None, "format": "auto"})
    source = source.model_copy(update={"as_of": None})  # that pins what a run learns from, and not what it is asked
    base = _above_partition(root, path)
    if base is None or source.table is not None:
        return root, source.model_copy(update={"path": str(path)})
    shown = Path(*(part for part in base.parts if part not in (base.anchor, "..")))
    _link(root, path, root / base, staging / shown)
    return staging, source.model_copy(update={"path": str(shown)})


def _above_partition(root: Path, path: Path) -> Path | None:
    """The folder of all partitions, if `path` is one of them: `inbox` of `inbox/date=2026-11-22/part.csv`."""
    folder = path.parent if (root / path).is_file() else path
    above = folder
    while "=" in above.name:
        above = above.parent
    return above if above != folder else None


def _nowhere(root: Path, path: Path) -> DataError:
    folder = (root / path).parent
    there = sorted(one.name for one in folder.iterdir()) if folder.is_dir() else []
    found = f"in its folder: {', '.join(there[:10]) or 'nothing'}" if folder.is_dir() else f"no folder {path.parent}"
    return DataError(
        f"{path}: there is no such file or folder", expected="the table of a batch, or a folder of its partitions", found=found,
        do=nearest(path.name, there) if there else "correct the path, or bring the table",
    )  # fmt: skip


def _link(root: Path, path: Path, base: Path, staging: Path) -> None:
    """The one partition alone below its folders, by links: so its rows have the columns that these say."""
    real = root / path
    for file in [real] if real.is_file() else sorted(p for p in real.rglob("*") if p.is_file()):
        link = staging / file.relative_to(base)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(file.resolve())
