"""A spec around one or more sources, ingested tables written by hand, and one call that validates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mtl.data.contract import Validation, validate_source
from mtl.files import read_json
from mtl.spec import Spec, parse_spec


def make_spec(source: Mapping[str, Any] | None = None, **parts: Any) -> Spec:
    """A spec whose source is `t`, with the key `id`, an input column `x` and a binary task on `y`, unless told otherwise."""
    whole: dict[str, Any] = {
        "name": "test", "entities": {"thing": {"key": "id"}}, "sources": {"t": {"path": "t.csv", **(source or {})}},
        "inputs": {"i": {"source": "t", "columns": {"x": {"min": 0, "max": 10}}}},
        "tasks": {"y": {"source": "t", "column": "y", "kind": "binary"}},
        "encoding": {}, "model": {}, "training": {}, "evaluation": {}, "gate": {}, **parts,
    }  # fmt: skip
    return parse_spec(whole)


@dataclass(frozen=True)
class Outcome:
    """What a validation left behind."""

    validation: Validation | None
    folder: Path

    @property
    def validated(self) -> pl.DataFrame:
        return pl.concat(pl.read_parquet(file) for file in sorted((self.folder / "validated").glob("*.parquet")))

    @property
    def rows(self) -> pl.DataFrame:
        return pl.read_parquet(self.folder / "quarantine" / "rows.parquet")

    @property
    def cells(self) -> pl.DataFrame:
        return pl.read_parquet(self.folder / "quarantine" / "cells.parquet")

    @property
    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = read_json(self.folder / "report.json")
        return found

    @property
    def profile(self) -> dict[str, Any]:
        found: dict[str, Any] = read_json(self.folder / "profile.json")
        return found


Run = Callable[..., Outcome]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """run(spec, frame or frames, reference={}, place="") -> Outcome; several frames are several files."""

    def validate(
        spec: Spec, frames: pl.DataFrame | list[pl.DataFrame], reference: Mapping[str, Any] | None = None, place: str = "a"
    ) -> Outcome:
        folder = tmp_path / place
        ingested = folder / "ingested"
        ingested.mkdir(parents=True)
        for number, frame in enumerate([frames] if isinstance(frames, pl.DataFrame) else frames):
            frame.write_parquet(ingested / f"part-{number:04d}.parquet")
        found = validate_source(
            spec, "t", ingested, reference or {}, validated=folder / "validated", quarantine=folder / "quarantine",
            report=folder / "report.json", profile=folder / "profile.json",
        )  # fmt: skip
        return Outcome(found, folder)

    return validate


@pytest.fixture
def spec_of() -> Callable[..., Spec]:
    return make_spec


def people(rows: int = 60) -> pl.DataFrame:
    """A clean table as a CSV gives it: everything text."""
    return pl.DataFrame(
        {"id": [str(i) for i in range(rows)], "x": [str(i % 11) for i in range(rows)], "y": [str(i % 2) for i in range(rows)]}
    )


@pytest.fixture
def table() -> pl.DataFrame:
    return people()
