"""A small project: a spec as a mapping, and validated tables as the stage `validate` would leave them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mtl.spec import Spec, parse_spec

Write = Callable[..., Path]


def spec_of(**changes: Any) -> Spec:
    """One entity, one source, one numeric input, one regression task; `changes` replace whole sections."""
    base: dict[str, Any] = {
        "name": "small",
        "entities": {"person": {"key": "id"}},
        "sources": {"people": {"path": "people.csv"}},
        "inputs": {"facts": {"source": "people", "columns": {"x": {"kind": "numeric"}}}},
        "tasks": {"y": {"source": "people", "column": "y", "kind": "regression"}},
        "encoding": {}, "model": {}, "training": {}, "evaluation": {}, "gate": {},
    }  # fmt: skip
    return parse_spec({**base, **changes})


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """`write(people=frame, …)` writes validated tables and gives their folder."""

    def into(**tables: pl.DataFrame) -> Path:
        for name, frame in tables.items():
            (tmp_path / name).mkdir(exist_ok=True)
            frame.write_parquet(tmp_path / name / "part-0000.parquet")
        return tmp_path

    return into
