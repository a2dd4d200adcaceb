"""What a trial learns from and is judged on: train and valid, as they stand or dealt into folds. Test has no name here.

Where nothing before the aligned set is varied, trials read `data/aligned/train` and `data/aligned/valid`. With folds, or
with a key of `encoding`, the rows of train and valid are encoded anew in a scratch folder, once for each fold and
encoding, with everything fitted on that fold's own train rows; rows of test are dropped before.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from mtl.choosing.choice import Choice
from mtl.data.align import align, write_encoded
from mtl.data.aligned import AlignedSet
from mtl.data.dealing import UNIT, dealt_out
from mtl.data.encode import encode
from mtl.data.encodings import Encodings
from mtl.errors import DataError, SpecError
from mtl.files import read_json, replacing
from mtl.layout import ALIGNED, CHOICE, EMBEDDED, ENCODINGS, SPLIT, VALIDATED
from mtl.spec import Spec
from mtl.tuning.space import AUTO

SIDES = ("train", "valid")


@dataclass(frozen=True)
class Sides:
    """One fit: what it learns from and what judges it."""

    encodings: Encodings
    train: AlignedSet
    valid: AlignedSet


@dataclass(frozen=True)
class Plan:
    """How the rows are dealt: into `folds` (None: the valid split judges), encoded anew or as they stand."""

    folds: int | None
    seed: int
    encodes: bool
    scratch: str
    """Folder of what is encoded here; removed when the search ends."""
    choice: dict[str, Any] | None = None
    """With `sharing: auto`: what reports/choice.json holds."""

    @property
    def parts(self) -> range:
        """One fit each."""
        return range(self.folds or 1)

    def sides(self, spec: Spec, part: int) -> Sides:
        """Train and valid rows of one part under `spec`, encoded now if need be."""
        folder = self._encoded(spec, part) if self.encodes else None
        encodings = Encodings.read(folder / "encodings" if folder else ENCODINGS)
        tasks = tuple(replace(task, weight=spec.tasks[task.of].weight) for task in encodings.tasks)
        train, valid = (AlignedSet.read((folder or ALIGNED) / side) for side in SIDES)
        return Sides(replace(encodings, tasks=tasks), train, valid)

    def chosen(self, spec: Spec, encodings: Encodings) -> tuple[Spec, Encodings]:
        """Where a trial leaves the sharing to `auto`: what that has decided for the spec as it stands."""
        if self.choice is None or spec.model.sharing != AUTO:
            return spec, encodings
        return Choice.parse(self.choice).applied(spec, encodings)

    def _encoded(self, spec: Spec, part: int) -> Path:
        said = spec.model_dump(mode="json", include={"inputs", "tasks", "encoding"})
        for task in said["tasks"].values():
            del task["weight"]  # of no concern to an encoding
        key = hashlib.sha256(json.dumps([said, self.folds, self.seed, part], sort_keys=True).encode()).hexdigest()[:16]
        target = Path(self.scratch) / key
        with one_at_a_time(target):
            if not target.is_dir():
                _encode(spec, dealt(pl.read_parquet(SPLIT), self.folds, self.seed, part), target)
        return target


def dealt(split: pl.DataFrame, folds: int | None, seed: int, part: int) -> pl.DataFrame:
    """`split` without its test rows; with folds, valid is the part's own fold and train all the others."""
    known = split.filter(pl.col("split").is_in(SIDES))
    if folds is None:
        return known
    fold = fold_of(known, folds, seed)
    side = pl.when(fold == part).then(pl.lit("valid")).otherwise(pl.lit("train"))
    return known.with_columns(split=side)


def fold_of(known: pl.DataFrame, folds: int, seed: int) -> pl.Series:
    """Int64 [rows]: the fold of each row of `known` (entity, key, group).

    A group stays together, an entity's folds differ by one unit at most, and every machine deals alike.
    """
    return dealt_out(known.select("entity", UNIT), folds, f"folds {seed}").alias("fold")


def data_key(encodes: bool) -> str:
    """Hash of everything trials read: test is no part of it, nor are the weights of tasks, which the spec says.

    Raises DataError if the pipeline has not made it yet.
    """
    embedded = (EMBEDDED,) if EMBEDDED.exists() else ()  # read only where a pretrained encoder has a part
    made = (VALIDATED, SPLIT, *embedded) if encodes else (ALIGNED / "train", ALIGNED / "valid", ENCODINGS)
    for path in made:
        if not path.exists():
            raise DataError(
                f"{path} is not there", expected="the rows that trials learn from", found="no such file or folder",
                do="run `mtl run`, or `dvc repro align`",
            )  # fmt: skip
    if encodes:
        return _digest(*made)
    said = asdict(Encodings.read(ENCODINGS))
    for task in said["tasks"]:
        del task["weight"]
    return hashlib.sha256(f"{_digest(*made[:2])} {json.dumps(said, sort_keys=True)}".encode()).hexdigest()


def sizes(plan: Plan, spec: Spec) -> tuple[int, int]:
    """How many tasks there are, and how many rows judge (with folds: in all of them together)."""
    tasks = len(Encodings.read(ENCODINGS).tasks) if ENCODINGS.is_dir() else len(spec.tasks)
    if not plan.encodes:
        return tasks, AlignedSet.read(ALIGNED / "valid").rows
    sides = SIDES if plan.folds else ("valid",)
    return tasks, int(pl.read_parquet(SPLIT, columns=["split"])["split"].is_in(sides).sum())


def choice_of(spec: Spec) -> dict[str, Any] | None:
    """With `sharing: auto` what it has decided. Raises DataError if it has not."""
    if spec.model.sharing != AUTO:
        return None
    choice = dict(read_json(CHOICE)) if CHOICE.is_file() else {}
    if choice.get("asked") != AUTO:
        raise DataError(
            f"{CHOICE}: no choice of sharing: {AUTO}", expected="who shares with whom, for trials to keep to",
            found=f"one made for sharing: {choice['asked']}" if choice else "no such file", do="run `dvc repro choose`",
        )  # fmt: skip
    return choice


def can_be_dealt(spec: Spec, folds: int | None) -> None:
    """Raise SpecError if there are too few folds, or if they would let trials look into the future."""
    if folds == 1:
        raise SpecError("folds: 1", expected="2 or more, or 0 for the valid split", found="1", do="`--folds 5`, or `--folds 0`")
    by_time = next((name for name, entity in spec.entities.items() if entity.split.time), None)
    if folds is not None and by_time is not None:
        raise SpecError(
            f"folds over {by_time!r}, which is split by time", expected="a judge that is newer than what is learned from",
            found="folds, in which the newest rows teach and older ones judge", do="leave folds out: valid is the newest but test",
        )  # fmt: skip


def _encode(spec: Spec, split: pl.DataFrame, target: Path) -> None:
    done = encode(spec, VALIDATED, split, SIDES)
    with replacing(target) as partial:
        partial.mkdir()
        done.encodings.write(partial / "encodings")
        write_encoded(partial / "encoded", done.inputs, done.targets, done.golden, done.slices)
        align(partial / "encoded", done.encodings, split, partial / "aligned", SIDES)
        for side in SIDES:
            (partial / "aligned" / side).rename(partial / side)


@contextmanager
def one_at_a_time(target: Path) -> Iterator[None]:
    """One process at a time makes `target`; the others then find it made."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_name(f"{target.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _digest(*paths: Path) -> str:
    """SHA-256 over names and bytes of files, and of every file in folders."""
    found = hashlib.sha256()
    for path in paths:
        for file in sorted(f for f in path.rglob("*") if f.is_file()) if path.is_dir() else [path]:
            found.update(file.as_posix().encode() + b"\x00")
            with file.open("rb") as stream:
                found.update(hashlib.file_digest(stream, "sha256").digest())
    return found.hexdigest()
