"""Small tables as users bring them, and a template so that no test hangs on the whole repository."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from mtl.project import template
from mtl.project.guess import guess_project
from mtl.project.guessed import Guess
from mtl.project.look import Look, Table, look_at

ROWS = 400


@pytest.fixture
def plain_template(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root with a file for each part of the template."""
    root = tmp_path_factory.mktemp("root")
    for name in template.FILES:
        file = root / name / "retrain.py" if name == "flows" else root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"# {name}\n")
    monkeypatch.setattr(template, "template_root", lambda: root)
    return root


@pytest.fixture
def people() -> pl.DataFrame:
    """A key, columns of many kinds, and targets that depend on age a little."""
    draw, rows = random.Random(0), ROWS
    ages = [draw.randint(1, 90) for _ in range(rows)]
    return pl.DataFrame(
        {
            "person_id": [f"p{i}" for i in range(rows)],
            "age": ages,
            "height": [round(draw.gauss(170, 10), 1) for _ in range(rows)],
            "sex": [draw.choice(["female", "male"]) for _ in range(rows)],
            "smoker": [draw.choice([0, 1, None]) for _ in range(rows)],
            "town": [f"town {draw.randint(1, 30)}" for _ in range(rows)],
            "sick": ["yes" if age + draw.gauss(0, 30) > 60 else "no" for age in ages],
            "pressure": [round(100 + age / 3 + draw.gauss(0, 10), 1) for age in ages],
            "health": [draw.choice(["poor", "fair", "good"]) for _ in range(rows)],
        }
    )


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., Table]:
    """`table(frame)`: the frame written as CSV and looked at."""

    def look(frame: pl.DataFrame, name: str = "t", separator: str = ",") -> Table:
        file = tmp_path / f"{name}.csv"
        frame.write_csv(file, separator=separator)
        return look_at(file, name, tmp_path)

    return look


@pytest.fixture
def column(table: Callable[..., Table]) -> Callable[..., Look]:
    """`column(values)`: the look at a column of these values."""

    def look(values: list[object], name: str = "c") -> Look:
        return table(pl.DataFrame({name: [None if v is None else str(v) for v in values], "x": ["1"] * len(values)})).columns[name]

    return look


@pytest.fixture
def guess(table: Callable[..., Table]) -> Callable[..., Guess]:
    """`guess(frames, keys, targets)`: the project guessed of these tables (name -> frame, or one frame)."""

    def make(frames: dict[str, pl.DataFrame] | pl.DataFrame, keys: list[str], targets: list[str]) -> Guess:
        named = frames if isinstance(frames, dict) else {"t": frames}
        tables = {name: table(frame, name) for name, frame in named.items()}
        return guess_project(tables, {name: f"data/raw/{name}.csv" for name in named}, "project", keys, targets)

    return make
