"""What train and baseline have in common: fit, pack, and tell. They differ in the sharing and in where it goes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import polars as pl

from mtl.choosing.choice import Choice
from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.errors import DataError
from mtl.evaluation.cost import note_cost
from mtl.files import read_json, replacing, write_json
from mtl.layout import ALIGNED, CHECKPOINTS, CHOICE, ENCODINGS, SINGLE_TASK, TRAINING
from mtl.registry.package import write_package
from mtl.spec import Spec
from mtl.stages._from_single_task import fit_or_adopt
from mtl.stages._needs import need
from mtl.stages._progress import training_progress
from mtl.training.distillation import is_taught
from mtl.training.fit import Fitted, fit
from mtl.training.lessons import Lesson
from mtl.training.seen import Seen, seen_of, told


def fit_and_pack(spec: Spec, sharing: str, target: Path, name: str) -> str:
    """Fit the tasks with `sharing`, pack the model into `target`, its curves into reports/training/NAME."""
    need("train" if name == "candidate" else "baseline", ALIGNED, ENCODINGS)
    encodings = Encodings.read(ENCODINGS)
    train, valid = AlignedSet.read(ALIGNED / "train"), AlignedSet.read(ALIGNED / "valid")
    spec, encodings = _chosen(spec, encodings) if name == "candidate" else (_alone(spec, sharing), encodings)
    with training_progress(name, spec.training.max_epochs) as progress:

        def trained(tasks: Encodings, rows: AlignedSet, stop: AlignedSet, lesson: Lesson | None) -> Fitted:
            return fit(
                tasks, rows, stop, spec.model, spec.training, again=rows.beside(stop) if spec.training.refit else None,
                checkpoints=CHECKPOINTS, inputs_key=run_key(name, spec), lesson=lesson, progress=progress,
            )  # fmt: skip

        fitted = fit_or_adopt(spec, encodings, train, valid, trained)
    seen = pl.concat([train.keys(), valid.keys()]).select("entity", "key")
    write_package(target, spec, encodings, fitted.network, valid.golden(), seen)
    labels = dict(zip(train.tasks, (int(count) for count in train.labelled.sum(0)), strict=True))
    often = seen_of(fitted.history, fitted.best_epoch, {task.name: labels[task.name] for task in encodings.tasks})
    _tell(spec, fitted, often, TRAINING / name)
    by_others = is_taught(spec.training, spec.model.sharing)
    taken = {"taught": by_others, "adopted": list(fitted.adopted)}
    cost = {"seconds": fitted.seconds, "parameters": fitted.parameters, "device": fitted.device}
    note_cost(name, cost | {key: value for key, value in taken.items() if value})
    epochs = sorted(fitted.best_epoch.values())
    best = f"best epoch {epochs[0]}" + (f"–{epochs[-1]}" if epochs[0] != epochs[-1] else "")
    size = f"{len(encodings.tasks)} tasks, {fitted.parameters:,} parameters"
    taught = f", taught by {SINGLE_TASK}" if by_others else ""
    without = f", without {', '.join(fitted.adopted)}: taken over from {SINGLE_TASK}" if fitted.adopted else ""
    sampled = told(often, spec.training.sampler)
    refit = ", then refit on train and valid" if spec.training.refit else ""
    return f"{spec.model.sharing}, {size}, {best}{refit}, {fitted.seconds:.1f} s on {fitted.device}{taught}{without}{sampled}"


def _chosen(spec: Spec, encodings: Encodings) -> tuple[Spec, Encodings]:
    """With `sharing: auto` what the stage `choose` has decided; else as they are."""
    if spec.model.sharing != "auto":
        return spec, encodings
    need("train", CHOICE)
    choice = Choice.parse(read_json(CHOICE))
    if choice.asked != "auto":
        raise DataError(
            f"{CHOICE}: a choice of another spec", expected="one made for sharing: auto", found=f"sharing: {choice.asked}",
            do="run `dvc repro train`, or `mtl choose` and then `mtl train`",
        )  # fmt: skip
    return choice.applied(spec, encodings)


def _alone(spec: Spec, sharing: str) -> Spec:
    """The spec of the honest rival: this sharing, and nothing that tasks learn from each other."""
    model = spec.model.model_copy(update={"sharing": sharing, "options": {}, "groups": None})
    return spec.model_copy(update={"model": model, "training": spec.training.alone()})


def _tell(spec: Spec, fitted: Fitted, seen: Seen, folder: Path) -> None:
    """Learning curves and what else training found out; no wall-clock, since DVC keeps this."""
    with replacing(folder) as partial:
        partial.mkdir()
        fitted.history.write_csv(partial / "history.csv")
        summary = {
            "best_epoch": fitted.best_epoch, "parameters": fitted.parameters, "gates": fitted.gates, "weights": fitted.weights,
            "gate_names": fitted.network.body.gate_names(),
            "sharing": spec.model.sharing, "balancing": spec.training.balancing, "refit": spec.training.refit, "seen": seen,
        }  # fmt: skip
        write_json(partial / "summary.json", summary)
        if fitted.relatedness is not None:
            write_json(partial / "relatedness.json", fitted.relatedness.as_json())


def run_key(name: str, spec: Spec) -> str:
    """What a checkpoint belongs to: these inputs, teachers included, and this stage. With `sharing: separate` the spec makes
    train and baseline the same run, and side by side they would take each other's file away."""
    teachers = [SINGLE_TASK] if is_taught(spec.training, spec.model.sharing) else []
    return f"{name} {content_key(ALIGNED / 'train', ALIGNED / 'valid', ENCODINGS, *teachers)}"


def content_key(*folders: Path) -> str:
    """SHA-256 over the names and bytes of every file in the folders: which inputs a checkpoint belongs to."""
    digest = hashlib.sha256()
    for file in sorted(f for folder in folders for f in folder.rglob("*") if f.is_file()):
        digest.update(file.as_posix().encode() + b"\x00")
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()
