"""What `train` takes from models/single_task: networks of tasks that stand alone, and teachers of those that do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import polars as pl

from mtl.choosing.choice import of_tasks
from mtl.choosing.folds import of_tasks as columns_of
from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.errors import DataError
from mtl.files import read_json
from mtl.layout import SINGLE_TASK, TRAINING
from mtl.network import plan_of
from mtl.registry.package import Package, read_package
from mtl.spec import Spec
from mtl.stages._needs import need
from mtl.training.assembly import alone_in, assembled, joined
from mtl.training.distillation import is_taught, lesson_on
from mtl.training.fit import HISTORY
from mtl.training.lessons import Lesson

if TYPE_CHECKING:
    from mtl.training.fit import Fitted

Fit = Callable[[Encodings, AlignedSet, AlignedSet, Lesson | None], "Fitted"]


def fit_or_adopt(spec: Spec, encodings: Encodings, train: AlignedSet, valid: AlignedSet, fit: Fit) -> Fitted:
    """Fit all tasks, or those that share, with those that stand alone taken from the baseline; its networks teach, where the
    spec asks for distillation."""
    plan = plan_of(encodings)
    alone, asked = alone_in(plan, spec.model), spec.training.distillation
    taught = is_taught(spec.training, spec.model.sharing)
    if not alone and not taught:
        return fit(encodings, train, valid, None)
    single = _single_task(spec, encodings)
    told = train.beside(valid) if spec.training.refit else train
    lesson = lesson_on(single.network, told, asked, spec.training.threads) if asked is not None and taught else None
    if not alone:
        return fit(encodings, train, valid, lesson)
    rest = [task.name for task in encodings.tasks if task.name not in alone]
    if lesson is not None:
        lesson = lesson.only([place for place, task in enumerate(encodings.tasks) if task.name in rest])
    fitted = fit(of_tasks(encodings, rest), columns_of(train, rest), columns_of(valid, rest), lesson)
    folder = TRAINING / "single_task"
    need("train", folder)
    history = pl.read_csv(folder / "history.csv", schema=HISTORY)
    best_epoch = read_json(folder / "summary.json")["best_epoch"]
    return joined(fitted, assembled(plan, spec.model, fitted.network, single.network), alone, history, best_epoch)


def _single_task(spec: Spec, encodings: Encodings) -> Package:
    """models/single_task. Raises DataError if its networks are not those of this spec and these tasks."""
    need("train", SINGLE_TASK)
    single = read_package(SINGLE_TASK)
    parts = {"sharing", "options", "groups", "auto"}  # the rest has to be the same network
    theirs, ours = (model.model_dump(exclude=parts) for model in (single.model, spec.model))
    if theirs != ours or [t.name for t in single.encodings.tasks] != [t.name for t in encodings.tasks]:
        raise DataError(
            f"{SINGLE_TASK}: networks of another spec", expected="the single-task networks of this one",
            found="another network or other tasks", do="run `dvc repro train`, or `mtl baseline` and then `mtl train`",
        )  # fmt: skip
    return single
