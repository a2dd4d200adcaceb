"""`mtl adapt --task NEW`: the champion from the registry, the new task's rows, training, the contest with scratch, the package."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import numpy as np
import polars as pl

from mtl.adaptation.addition import WITH_OWN, Means
from mtl.adaptation.judge import ADAPTED, SCRATCH, Contest, Line, curve, judged
from mtl.adaptation.learn import Learned, learn, predicted, scratch
from mtl.adaptation.package import write_adapted
from mtl.adaptation.rows import task_rows
from mtl.errors import DataError, SpecError
from mtl.files import write_json
from mtl.layout import SPLIT, VALIDATED
from mtl.registry.package import Package, entity_hashes
from mtl.registry.verbs import champion_package
from mtl.spec import SPEC, Spec, read_spec
from mtl.spec.links import nearest

FOLDER, REPORT = Path("models/adapted"), Path("reports/adapted")
LEAST_TEST = 30
"""Labels on test rows that the champion has not seen, below which nothing can be said."""


def adapt(root: Path, task: str, means: Means = "head", labels: Sequence[int] = (), *, rank: int = 4, seeds: int = 5) -> Path:
    """Add the task to the project's champion; prints what it finds, returns the folder of the adapted model.

    `labels`: counts of train labels at which adapting is compared with training from scratch, each over `seeds` draws,
    beside all labels. Raises SpecError, DataError, UnfitError, LeakError, RegistryError or TrainingError with what to do.
    """
    spec = read_spec(root / SPEC)
    if task not in spec.tasks:
        do = f"declare it under tasks:, its column in an existing source, or {nearest(task, spec.tasks)}"
        raise SpecError(f"task {task!r}", expected=f"a task of {SPEC}", found="no such name", do=do)
    version, champion = champion_package(root, spec)
    _fits(champion, means)
    contest = contest_of(root, spec, task, champion, means, rank)
    _say(contest, version, champion)
    learned, last = _all_labels(contest)
    lines = [*curve(contest, labels, seeds, lambda line: print(told(line), flush=True)), last]
    print(told(last))
    name = contest.task.name
    write_adapted(root / FOLDER / name, champion, contest.task, learned, rank)
    lines_said = [line.as_dict() for line in lines]
    write_json(root / REPORT / f"{name}.json", {"task": name, "with": means, "champion": version, "lines": lines_said})
    print(f"wrote {FOLDER / name}/ (predicts the champion's tasks, to the same bits, and {name}) and {REPORT / name}.json")
    print(_next(name, last, means))
    return root / FOLDER / name


def means_of(word: str) -> Means:
    """`--with` as written. Raises SpecError if there is no such means."""
    known: tuple[Means, ...] = get_args(Means)
    found = next((one for one in known if one == word), None)
    if found is None:
        raise SpecError("--with", expected=f"one of {', '.join(known)}", found=word, do=nearest(word, known))
    return found


def contest_of(root: Path, spec: Spec, task: str, champion: Package, means: Means, rank: int) -> Contest:
    """The new task's rows as the champion reads them; its test rows are those that the champion has not seen."""
    if not (root / SPLIT).is_file():
        raise DataError(f"{SPLIT} is not there", expected="the project's split", found="no such file", do="run `dvc repro split`")
    encoding, rows = task_rows(spec, task, champion.encodings, root / VALIDATED, pl.read_parquet(root / SPLIT))
    fresh = ~np.isin(entity_hashes(rows["test"].keys), champion.trained_on())
    rows["test"] = rows["test"].at(np.flatnonzero(fresh))
    if len(rows["test"]) < LEAST_TEST:
        raise DataError(
            f"task {task!r}: labels on test rows that the champion was not trained on", expected=f"at least {LEAST_TEST}",
            found=str(len(rows["test"])), do="bring more labels, or train a champion on the split of now: mtl run",
        )  # fmt: skip
    return Contest(spec, champion.network, champion.encodings, encoding, rows, means, rank)


def told(line: Line) -> str:
    """One line of the comparison, in words."""
    over = f", mean of {line.seeds} draws" if line.seeds > 1 else ""
    if line.diff is None or line.low is None:
        return f"{line.labels:>6,} labels{over}: {line.metric} is undefined on test"
    return (
        f"{line.labels:>6,} labels{over}: {line.metric} {line.adapted:.3f} adapted, {line.scratch:.3f} from scratch, "
        f"difference {line.diff:+.3f} ({line.low:+.3f} … {line.high:+.3f})"
    )


def _fits(champion: Package, means: Means) -> None:
    sharing = champion.model.sharing
    if means == "embedding" and sharing not in WITH_OWN:
        raise SpecError(
            "--with embedding", expected=f"a champion whose sharing gives each task something of its own ({', '.join(WITH_OWN)})",
            found=f"sharing: {sharing}", do="leave --with out (a head), or write --with low_rank",
        )  # fmt: skip


def _say(contest: Contest, version: int, champion: Package) -> None:
    train, valid, test = (len(contest.rows[side]) for side in ("train", "valid", "test"))
    tasks = len(champion.encodings.tasks)
    print(f"champion: version {version}, {champion.model.sharing}, {tasks} tasks, which stay as they are")
    print(f"{contest.task.name}: {contest.task.kind}, labels {train:,} train, {valid:,} valid, {test:,} test", flush=True)


def _all_labels(contest: Contest) -> tuple[Learned, Line]:
    """What all labels teach, which is what is packed, and how it compares."""
    rows, task, training = contest.rows, contest.task, contest.spec.training
    learned = learn(contest.champion, task, rows["train"], rows["valid"], training, means=contest.means, rank=contest.rank)
    print(f"{contest.means}: {learned.parameters:,} parameters learned, best epoch {learned.best_epoch}", flush=True)
    alone = scratch(contest.encodings, task, rows["train"], rows["valid"], rows["test"], contest.champion.model, training)
    ours = predicted(contest.champion, learned.addition, task, rows["test"])
    return learned, judged(contest, len(rows["train"]), [{ADAPTED: ours, SCRATCH: alone}])


def _next(name: str, line: Line, means: Means) -> str:
    """What to do now, by what was found."""
    if line.high is not None and line.high < 0:
        other = "try --with low_rank, or " if means != "low_rank" else ""
        return f"next: it is worse than from scratch; {other}let it share from the start: mtl run"
    folder = (FOLDER / name).as_posix()
    ask = f'from mtl.adaptation.package import read_adapted; read_adapted("{folder}").predict(frame)'
    return f"next: ask it, in Python and in this folder:\n  {ask}\nor `mtl run`: it trains it with the others and asks the gate"
