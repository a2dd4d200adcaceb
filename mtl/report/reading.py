"""Everything the report speaks of, read from a workspace. What is not there is empty, and its section says so."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from mtl import layout
from mtl.errors import DataError
from mtl.evaluation.cost import tells_of_what_lies_there
from mtl.evaluation.plain import plain_rival

EXAMPLE_ROWS = 5
MOST_DETAILED = 200
"""Tasks with pictures of their own; with more the page would grow too large. The tables have all of them."""
Curve = list[tuple[float, float, float]]
"""(epoch, train loss, valid loss); NaN where one is unknown."""


@dataclass(frozen=True)
class Run:
    """One training run: the losses of each task over the epochs, and its summary."""

    history: dict[str, Curve] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    relatedness: dict[str, Any] = field(default_factory=dict)

    def best_epoch(self, task: str) -> float | None:
        """Epoch whose weights were kept for `task`."""
        best = self.summary.get("best_epoch")
        best = best.get(task) if isinstance(best, dict) else best
        return float(best) if isinstance(best, int | float) else None


@dataclass(frozen=True)
class Findings:
    """What a run has left under reports/, with examples from quarantine and dvc.lock; `{}` stands for a missing file."""

    evaluation: dict[str, Any]
    metrics: dict[str, Any]
    encoding: dict[str, Any]
    cost: dict[str, Any]
    registration: dict[str, Any]
    validations: dict[str, dict[str, Any]]
    quarantined: dict[str, list[dict[str, Any]]]
    """Source -> its first quarantined rows, whole, as text."""
    candidate: Run
    single_task: Run
    lock: dict[str, Any]
    choice: dict[str, Any] = field(default_factory=dict)

    @property
    def tasks(self) -> dict[str, dict[str, Any]]:
        """The evaluated tasks in their order."""
        tasks: dict[str, dict[str, Any]] = self.evaluation.get("tasks", {})
        return tasks

    @property
    def plain(self) -> tuple[str, str]:
        """The plain rival's name, in a heading (with a capital) and in a sentence."""
        heading, sentence = plain_rival(self.encoding)
        return heading[:1].upper() + heading[1:], sentence

    @property
    def rivals(self) -> dict[str, str]:
        """Rival -> its name in a sentence."""
        return {"single_task": "single-task", "trees": self.plain[1]}

    @cached_property
    def detailed(self) -> dict[str, dict[str, Any]]:
        """The tasks that are shown with pictures of their own."""
        return dict(list(self.tasks.items())[:MOST_DETAILED])

    def anchor(self, task: str) -> str:
        """Where a task's details stand on the page; never made of its name, which may be anything."""
        return self._anchors.get(task, "tasks")

    @cached_property
    def _anchors(self) -> dict[str, str]:
        return {name: f"task-{i}" for i, name in enumerate(self.detailed)}


def read_findings(root: Path, sources: list[str]) -> Findings:
    """Read the workspace at `root`.

    Raises DataError for a file that is there and cannot be read.
    """
    cost = _json(root / layout.COST)
    return Findings(
        evaluation=_json(root / layout.EVALUATION),
        metrics=_json(root / layout.METRICS),
        encoding=_json(root / layout.ENCODING_REPORT),
        cost=cost if tells_of_what_lies_there(cost, root) else {},
        registration=_json(root / layout.REGISTRATION),
        validations={s: v for s in sources if (v := _json(root / layout.VALIDATION / f"{s}.json"))},
        quarantined={s: _quarantined(root / layout.QUARANTINE / s) for s in sources},
        candidate=_run(root / layout.TRAINING / "candidate"),
        single_task=_run(root / layout.TRAINING / "single_task"),
        lock=_yaml(root / layout.DVC_LOCK),
        choice=_json(root / layout.CHOICE),
    )


def clean(value: Any) -> Any:
    """`value` with its text fit for a page: what cannot be seen is shown, numbers that are none become None."""
    if isinstance(value, str):
        return "".join(_visible(c) for c in value) if any(not c.isprintable() for c in value) else value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {clean(str(k)): clean(v) for k, v in value.items()}
    return [clean(v) for v in value] if isinstance(value, list | tuple) else value


def _visible(character: str) -> str:
    """Control and format characters (also those that turn the direction of text) as a sign one can see."""
    if character == "\x1f":
        return " · "  # joins the parts of a key
    if character in "\u200c\u200d":
        return character  # joins letters of some scripts
    if character in "\n\t\r\xa0\u202f\u2009":
        return " "
    if character.isprintable():
        return character
    return chr(0x2400 + ord(character)) if ord(character) < 0x20 else "�"


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise _damaged(path, "JSON as its stage writes it", error) from None
    if not isinstance(data, dict):
        raise _damaged(path, "a mapping", ValueError(type(data).__name__))
    return dict(clean(data))


def _yaml(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        data = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except (ValueError, YAMLError) as error:
        raise _damaged(path, "YAML as DVC writes it", error) from None
    return dict(clean(data)) if isinstance(data, dict) else {}


def _run(folder: Path) -> Run:
    path, history = folder / "history.csv", dict[str, Curve]()
    if path.is_file():
        try:
            with path.open(encoding="utf-8", newline="") as lines:
                for row in csv.DictReader(lines):
                    losses = _loss(row["train_loss"]), _loss(row["valid_loss"])
                    history.setdefault(clean(row["task"]), []).append((float(row["epoch"]), *losses))
        except (ValueError, KeyError, TypeError, csv.Error) as error:
            raise _damaged(path, "columns epoch, task, train_loss, valid_loss", error) from None
    return Run(history, _json(folder / "summary.json"), _json(folder / "relatedness.json"))


def _loss(text: str) -> float:
    return float(text) if text else math.nan


def _quarantined(folder: Path) -> list[dict[str, Any]]:
    """The first quarantined rows."""
    path = folder / "rows.parquet"
    if not path.is_file():
        return []
    import polars as pl

    try:
        rows = pl.scan_parquet(path).head(EXAMPLE_ROWS).collect().to_dicts()
    except pl.exceptions.PolarsError as error:
        raise _damaged(path, "Parquet as the stage validate writes it", error) from None
    return [clean(row) for row in rows]


def _damaged(path: Path, expected: str, error: Exception) -> DataError:
    found = (str(error).splitlines() or [type(error).__name__])[0]
    return DataError(f"{path}: this file cannot be read", expected=expected, found=found, do="run the stage that writes it again")
