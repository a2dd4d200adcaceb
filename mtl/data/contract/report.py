"""Counting what a validation kept and what it set aside, and saying it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from mtl.data.contract.check import SUPERSEDED, Checked, Rules
from mtl.data.contract.text import shortened

EXAMPLES = 5


@dataclass(frozen=True)
class Validation:
    """The report of one source, as reports/validation/SOURCE.json holds it."""

    source: str
    rows_in: int
    rows_kept: int
    rows_quarantined: int
    labels: dict[str, dict[str, int]]
    """Task -> kept, quarantined, missing; together the rows kept."""
    reasons: list[dict[str, Any]]
    nan_read_as_missing: dict[str, int]
    compared_with: str
    expectations: list[dict[str, Any]]

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))

    def summary(self) -> str:
        """One line for the terminal."""
        cells = sum(reason["count"] for reason in self.reasons if reason["what"] == "cell")
        aside = (
            f"{self.rows_quarantined:,} rows and {cells:,} cells in quarantine"
            if self.rows_quarantined or cells
            else "nothing in quarantine"
        )
        failed = [one for one in self.expectations if not one["success"]]
        warned = f"; {len(failed)} of {len(self.expectations)} expectations failed: {_named(failed)}" if failed else ""
        return f"{self.rows_kept:,} of {self.rows_in:,} rows kept, {aside}{warned}"


@dataclass
class Tally:
    """Sums over the chunks of a source."""

    rules: Rules
    rows_in: int = 0
    rows_kept: int = 0
    superseded: int = 0
    labels: dict[str, dict[str, int]] = field(default_factory=dict)
    nan: dict[str, int] = field(default_factory=dict)
    filled: dict[str, int] = field(default_factory=dict)
    """Column -> good cells of kept rows that are not null."""
    _reasons: dict[tuple[str, str, str], tuple[int, list[dict[str, Any]]]] = field(default_factory=dict)

    def add(self, start: int, rows: int, chunk: Checked) -> None:
        """Count a chunk of `rows` ingested rows that begins at `start`."""
        self.rows_in += rows
        self.rows_kept += chunk.kept.height
        for column, count in chunk.nan.items():
            self.nan[column] = self.nan.get(column, 0) + count
        for column in chunk.kept.columns:
            self.filled[column] = self.filled.get(column, 0) + chunk.kept[column].len() - chunk.kept[column].null_count()
        fatal = chunk.dropped.filter(pl.col("column").is_in(self.rules.costly))
        self.superseded += fatal.filter(pl.col("reason") == SUPERSEDED).height
        self._note("row", start, fatal)
        self._note("cell", start, chunk.cells)
        self._count_labels(chunk)

    def _note(self, what: str, start: int, bad: pl.DataFrame) -> None:
        for (column, reason), cells in bad.group_by("column", "reason", maintain_order=True):
            key = (what, str(column), str(reason))
            count, examples = self._reasons.get(key, (0, []))
            shown = [
                {"row": start + row, "key": shown_key(of), "value": value}
                for row, of, value in cells.sort("row").head(EXAMPLES).select("row", "key", shortened(pl.col("value"))).iter_rows()
            ]
            self._reasons[key] = (count + cells.height, (examples + shown)[:EXAMPLES])

    def _count_labels(self, chunk: Checked) -> None:
        for column, use in self.rules.uses.items():
            if not use.tasks:
                continue
            empty = chunk.rows.filter(chunk.kept[column].is_null())
            touched = chunk.cells.filter(pl.col("column").is_in([column, *self.rules.parts(column)]))["row"]
            quarantined = int(empty.is_in(touched.unique().implode()).sum())
            for task in use.tasks:
                so_far = self.labels.setdefault(task, {"kept": 0, "quarantined": 0, "missing": 0})
                so_far["kept"] += chunk.kept.height - len(empty)
                so_far["quarantined"] += quarantined
                so_far["missing"] += len(empty) - quarantined

    def reasons(self) -> list[dict[str, Any]]:
        """What was set aside and why, rows before cells, the most frequent first."""
        found = [
            {"what": what, "column": column, "reason": reason, "count": count, "examples": examples}
            for (what, column, reason), (count, examples) in self._reasons.items()
        ]
        return sorted(found, key=lambda r: (r["what"] != "row", -int(str(r["count"])), r["column"], r["reason"]))

    def validation(self, quarantined: int, compared_with: str, expectations: Iterable[dict[str, Any]]) -> Validation:
        """The report; AssertionError if a row or a label got lost, since then this code is wrong."""
        if self.rows_in != self.rows_kept + quarantined:
            raise AssertionError(f"{self.rules.source}: {self.rows_in} rows in, {self.rows_kept} kept, {quarantined} quarantined")
        for task, counts in self.labels.items():
            if sum(counts.values()) != self.rows_kept:
                raise AssertionError(f"{self.rules.source}, {task}: labels {counts}, rows kept {self.rows_kept}")
        return Validation(
            self.rules.source, self.rows_in, self.rows_kept, quarantined, dict(self.labels), self.reasons(), dict(self.nan),
            compared_with, list(expectations),
        )  # fmt: skip


def _named(expectations: list[dict[str, Any]]) -> str:
    """The first of them as a person reads it, and whether there are more."""
    first, more = expectations[0], " …" if len(expectations) > 1 else ""
    return f"{first['type']}{' of ' + first['column'] if first['column'] else ''}{more}"


def shown_key(key: str | None) -> str | None:
    """A key of several parts as a person reads it."""
    return None if key is None else key.replace("\x1f", " / ")
