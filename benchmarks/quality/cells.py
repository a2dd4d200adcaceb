"""One cell of the study: a data set, a split seed, a share of the labels learned from, and what is changed of the spec.

A cell is a small project under benchmarks/.work/quality, run by the pipeline's own stages. What cells have in common
(validated tables; split, arrays, single-task networks and trees of one seed and share) is made once and linked.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
from ruamel.yaml import YAML

from benchmarks.quality.sets import SETS
from benchmarks.work import HERE
from mtl.evaluation.cost import read_costs

ROOM = HERE / "quality"
COMMON = ("choose", "train", "evaluate")
"""Stages of a cell; those before are common to all cells of a seed and share."""
LINKED = ("data", "models/encodings", "models/trees", "models/single_task", "reports/training/single_task")
Changes = tuple[tuple[str, Any], ...]
_locks: defaultdict[Path, threading.Lock] = defaultdict(threading.Lock)
"""Of folders that several cells, run side by side, have in common."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Cell:
    """`changes` are (dotted key of params.yaml, value); those in `arranging` also change what lies before training."""

    data: str
    seed: int
    share: float
    changes: Changes = ()

    @property
    def name(self) -> str:
        said = " ".join(f"{key}={json.dumps(value)}" for key, value in self.changes) or "default"
        return f"{self.data} seed={self.seed} labels={self.share:g} {said}"

    @cached_property
    def arranging(self) -> Changes:
        """Changes that also change the arrays or the rival: another rival is then trained too."""
        return tuple((k, v) for k, v in self.changes if k.partition(".")[0] in ("encoding", "entities", "inputs") or k in FOR_BOTH)

    def run(self, shared: Path, say: Say) -> dict[str, Any]:
        """The figures of this cell; each stage is run unless it has been."""
        common = self._arranged(shared, say)
        folder = common / "cells" / _key(self.changes)
        if not (folder / "reports/metrics.json").is_file():
            shutil.rmtree(folder, ignore_errors=True)
            for room in ("models", "reports/training"):
                (folder / room).mkdir(parents=True)
            _change(common / "params.yaml", folder / "params.yaml", self.changes)
            for part in LINKED:
                (folder / part).symlink_to(common / part, target_is_directory=True)
            for stage in stages(COMMON):
                _stage(folder, stage, say=say)
        metrics: dict[str, Any] = json.loads((folder / "reports/metrics.json").read_text())
        seconds = read_costs(folder).get("candidate", {}).get("seconds")
        return {"metrics": metrics, "seconds": seconds, "code": code()}

    def _arranged(self, shared: Path, say: Say) -> Path:
        """Split, arrays, single-task networks and trees of this seed and share."""
        base = _base(self.data, shared, say)
        folder = base / "arranged" / f"seed-{self.seed}-labels-{self.share:g}-{_key(self.arranging)}"
        with _locks[folder]:
            if not (folder / "done").is_file():
                self._arrange(base, folder, say)
        return folder

    def _arrange(self, base: Path, folder: Path, say: Say) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "data").mkdir(parents=True)
        _change(base / "params.yaml", folder / "params.yaml", (*self._seeded(base), *self.arranging))
        (folder / "data/validated").symlink_to(base / "data/validated", target_is_directory=True)
        _stage(folder, "split", say=say)
        keep_share(folder / "data/split.parquet", self.share, self.seed)
        for stage in stages(("embed", "encode", "align", "baseline", "trees")):
            _stage(folder, stage, say=say)
        (folder / "done").touch()

    def _seeded(self, base: Path) -> Changes:
        """The seed of the split, where it is drawn, and of the training."""
        entities = YAML(typ="safe").load(base / "params.yaml")["entities"]
        drawn = [name for name, entity in entities.items() if "column" not in entity["split"]]
        return (*((f"entities.{name}.split.seed", self.seed) for name in drawn), ("training.seed", self.seed))


FOR_BOTH = {"model.members", "model.width", "model.depth", "model.dropout", "model.bin_width"} | {
    f"training.{name}" for name in ("lr", "batch_size", "max_epochs", "patience", "weight_decay", "optimizer", "schedule", "refit")
}
"""What the single-task networks share with the shared model: width, budget, members."""


def keep_share(split: Path, share: float, seed: int) -> None:
    """Leave only this share of the entities in train and in valid, drawn by a stable hash; test stays whole.

    Of valid too: trees learn from both, so that a whole one would give them more than twice the rows at 5 %, and no team with
    few labels has many to stop by.
    """
    if share == 1:
        return
    table = pl.read_parquet(split)
    dice = [int(hashlib.sha256(f"{seed} {key}".encode()).hexdigest()[:8], 16) / 2**32 for key in table["key"]]
    table.filter((pl.col("split") == "test") | (pl.Series(dice) < share)).write_parquet(split)


def stages(wanted: tuple[str, ...]) -> list[str]:
    """Those of the stages that this version of mtl has."""
    import mtl.stages

    there = {path.stem for path in Path(mtl.stages.__path__[0]).glob("*.py")}
    return [stage for stage in wanted if stage in there]


def code() -> str:
    """Hash of the code behind training and evaluation: figures of another one are made again."""
    from mtl.codelock import stage_hashes

    now = stage_hashes()
    return hashlib.sha256("".join(now[s] for s in ("encode", "align", "train", "trees", "evaluate")).encode()).hexdigest()[:12]


def _base(data: str, shared: Path, say: Say) -> Path:
    """The project with its tables validated."""
    folder = ROOM / code() / data
    with _locks[folder]:
        if not (folder / "done").is_file():
            _validate(folder, data, shared, say)
    return folder


def _validate(folder: Path, data: str, shared: Path, say: Say) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    SETS[data](folder, shared)
    (folder / "profile.json").write_text("{}")
    for source in YAML(typ="safe").load(folder / "params.yaml")["sources"]:
        _stage(folder, "ingest", source, say=say)
        _stage(folder, "validate", source, say=say)
    (folder / "done").touch()


def _stage(folder: Path, stage: str, *arguments: str, say: Say) -> None:
    """Run one stage as DVC would; its line is passed on. Raises RuntimeError with what it said last."""
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "mtl", stage, *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{folder}: {stage} failed\n{done.stdout[-1000:]}{done.stderr[-3000:]}")
    say(done.stdout.strip().splitlines()[-1])


def _change(source: Path, target: Path, changes: Changes) -> None:
    yaml = YAML()
    content = yaml.load(source)
    for key, value in changes:
        *path, last = key.split(".")
        place = content
        for name in path:
            place = place.setdefault(name, {})
        place[last] = value
    yaml.dump(content, target)


def _key(changes: Changes) -> str:
    return hashlib.sha256(json.dumps(changes, sort_keys=True).encode()).hexdigest()[:10]
