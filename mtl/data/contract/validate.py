"""The whole of one source: chunks in, validated rows, quarantine, report and profile out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mtl.data.contract.cells import cast
from mtl.data.contract.check import Checked, Rules, check
from mtl.data.contract.chunks import chunks, files_of, rows_of
from mtl.data.contract.columns import uses_of
from mtl.data.contract.derive import check_derived, kinds_of_derived
from mtl.data.contract.expectations import judge, stop_if_failed
from mtl.data.contract.kinds import present, settle
from mtl.data.contract.limits import past_limit, stop_past_limit
from mtl.data.contract.profile import profile as profile_of
from mtl.data.contract.quarantine import Quarantine
from mtl.data.contract.repeats import Ledger
from mtl.data.contract.report import Tally, Validation, shown_key
from mtl.data.contract.use import Use
from mtl.data.keys import key_expr
from mtl.errors import DataError
from mtl.files import replacing, write_json
from mtl.spec import Spec


def validate_source(
    spec: Spec,
    name: str,
    ingested: Path,
    reference: Mapping[str, Any],
    *,
    validated: Path,
    quarantine: Path,
    report: Path,
    profile: Path,
) -> Validation:
    """Check every row of the ingested source, part good from bad, and judge the batch.

    `ingested`: folder of Parquet files. `reference`: content of profile.json, `{}` before there is a champion.
    Writes the folders `validated` (part-NNNN.parquet) and `quarantine` (rows.parquet, cells.parquet) and the JSON
    files `report` and `profile`. Memory is bounded by a chunk, 24 bytes a row for the keys, and some columns for the
    profile.

    Raises SpecError and DataError for what is wrong with the whole (then nothing is written), ContractError past the
    source's limit of quarantine or for a failed expectation of severity `stop` (then quarantine and report are
    written, validated is not).
    """
    files = files_of(ingested)
    rules = rules_of(spec, name, files)
    source, limit = spec.sources[name], spec.sources[name].max_quarantined
    with replacing(validated) as kept:
        kept.mkdir()
        with replacing(quarantine) as aside:
            tally, quarantined = walk(spec, name, files, rules, kept, aside)
        glimpse: dict[str, pl.Series] = {}
        seen = profile_of(kept, rules.uses, glimpse)
        stopped = any(past_limit(tally, limit))
        known = reference.get(name)
        compared, verdicts = ("spec", []) if stopped else judge(source, rules, kept, seen, glimpse, known)
        outcome = tally.validation(quarantined, compared, verdicts)
        write_json(report, outcome.as_json())
        stop_past_limit(tally, limit, quarantine)
        stop_if_failed(name, verdicts, report)
    write_json(profile, seen)
    return outcome


def rules_of(spec: Spec, name: str, files: list[Path]) -> Rules:
    """What the source's rows must keep, from the spec and a look at the data.

    Raises SpecError for derived columns that cannot be, DataError for a column that is missing or of no use, and for
    a source without a row.
    """
    derived = spec.sources[name].derived
    return rules_from(spec, name, settle(present(uses_of(spec, name), derived, name, files), derived, files), files)


def rules_from(spec: Spec, name: str, uses: Mapping[str, Use], files: list[Path]) -> Rules:
    """`rules_of` for uses that are settled already; those of every derived column of the source among them."""
    derived = spec.sources[name].derived
    base = {c: u for c, u in uses.items() if c not in derived}
    if not any(rows_of(file) for file in files):
        raise DataError(f"source {name!r}: no rows", expected="at least one row", found="a header only", do="bring the data")
    entity = spec.entities[spec.entity_of(name)]
    if not derived:
        return Rules(name, entity, base, {}, {})
    first = next(frame for _, frame in chunks(files) if frame.height)
    typed = cast(first, base.values()).frame
    check_derived(typed, derived, first.columns, name)
    made = kinds_of_derived({c: u for c, u in uses.items() if c in derived}, derived, typed, name)
    return Rules(name, entity, base, made, derived)


def walk(spec: Spec, name: str, files: list[Path], rules: Rules, kept: Path, aside: Path) -> tuple[Tally, int]:
    """Part every chunk and write both parts; the sums, and the rows set aside.

    Raises DataError for a key that stands twice, unless the source says that the latest counts.
    """
    older = _superseded(spec, name, files, rules)
    tally, ledger = Tally(rules), Ledger(rules.entity)
    with Quarantine(aside, files) as sink:
        for number, (start, raw) in enumerate(chunks(files)):
            chunk = check(raw, rules, _within(older, start, raw.height))
            tally.add(start, raw.height, chunk)
            sink.add(start, raw, chunk)
            ledger.add(chunk.kept, chunk.rows.cast(pl.UInt64) + start)
            chunk.kept.select(rules.schema.names()).write_parquet(kept / f"part-{number:04d}.parquet", compression_level=1)
    _once(ledger, files, rules)
    return tally, sink.rows


def _superseded(spec: Spec, name: str, files: list[Path], rules: Rules) -> np.ndarray:
    """Positions of rows that a later row of their key replaces; a first walk, only where the source asks for it."""
    source = spec.sources[name]
    if source.repeats != "latest":
        return np.empty(0, np.uint64)
    ledger = Ledger(rules.entity, source.latest_by)
    for start, raw in chunks(files):
        chunk = check(raw, rules)
        ledger.add(chunk.kept, chunk.rows.cast(pl.UInt64) + start)
    return ledger.superseded()


def _within(rows: np.ndarray, start: int, height: int) -> pl.Series:
    """Those positions that lie in a chunk, counted from its first row."""
    first, last = np.searchsorted(rows, [start, start + height])
    return pl.Series(rows[first:last] - np.uint64(start), dtype=pl.UInt32)


def _once(ledger: Ledger, files: list[Path], rules: Rules) -> None:
    rows = ledger.repeated()
    if not rows:
        return
    key = ", ".join(rules.entity.key)
    raise DataError(
        f"source {rules.source!r}: the key {_key_at(rows[0], files, rules)!r} ({key}) stands {len(rows)} times",
        expected="each key once",
        found=f"rows {', '.join(str(r) for r in rows[:5])} (counted from 0)",
        do=f"remove the repeated rows; or write `repeats: latest` and `latest_by: DATE_COLUMN` under sources.{rules.source}, "
        "or make the date a part of the entity's key",
    )


def _key_at(row: int, files: list[Path], rules: Rules) -> str:
    for start, raw in chunks(files):
        if start <= row < start + raw.height:
            one: Checked = check(raw.slice(row - start, 1), rules)
            return shown_key(one.kept.select(key_expr(rules.entity)).item()) or ""
    return ""
