"""fit: encodings, train and valid → a trained network, the best of its epochs on valid."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from mtl.errors import TrainingError
from mtl.network import Network, input_tensors, plan_of
from mtl.network.encoders import Tensors
from mtl.network.plan import Encoded, Plan
from mtl.network.ragged import row_lengths, rows_at_once, rows_in, take_inputs
from mtl.relatedness.tracking import Relatedness
from mtl.spec import Model, Training
from mtl.training.baseline import best_constants, constant_losses, start_at_constants
from mtl.training.batches import Rows, Store
from mtl.training.catalogue import fill_catalogue, fill_for_good
from mtl.training.checkpoints import Checkpoint, digest, key_of
from mtl.training.devices import seed_epoch, settings
from mtl.training.distillation import Teachers, is_taught
from mtl.training.lessons import Lesson
from mtl.training.loop import Losses, train_epoch, train_steps, valid_losses
from mtl.training.relating import look_ahead, tracker_of
from mtl.training.run import Row, Run
from mtl.training.schedules import set_rates
from mtl.training.stopping import Planned, mean_score

HISTORY: dict[str, Any] = {
    "epoch": pl.Int64, "task": pl.String, "train_loss": pl.Float64, "valid_loss": pl.Float64, "labels": pl.Int64,
}  # fmt: skip
"""Columns of a run's history."""
GATE_ROWS = 8192
"""Rows of valid that gates are averaged over."""


@dataclass(frozen=True)
class Epoch:
    """What is known after an epoch. Losses by task, of the tasks still training that had a label; `score` is what early stopping
    reads: the mean over these tasks of loss ÷ best constant's loss on valid. In an epoch of a refit (`again`) nothing was held
    back: both are of the rows trained on."""

    epoch: int
    max_epochs: int
    train_loss: dict[str, float]
    valid_loss: dict[str, float]
    score: float
    best_score: float
    seconds: float
    again: bool = False


@dataclass(frozen=True)
class Fitted:
    """A trained network (on the CPU, best weights, evaluation mode) and how it came about.

    history: epoch, task, train_loss, valid_loss, labels (that the epoch trained it on); gates: task → share of the shared part
    after each layer (hybrid), or mean weight of each expert over valid rows; weights: task → its last weight, where the
    balancing has such a thing.
    """

    network: Network
    history: pl.DataFrame
    best_epoch: dict[str, int]
    gates: dict[str, list[float]]
    weights: dict[str, float]
    parameters: int
    seconds: float
    device: str
    relatedness: Relatedness | None = None
    """How the tasks' gradients agreed along the way; None where they share nothing or nobody asked."""
    adopted: tuple[str, ...] = ()
    """Tasks that were not trained here but taken over from their single-task networks: `seconds` are without theirs."""


def fit(
    encodings: Encoded,
    train: Rows,
    valid: Rows,
    model: Model,
    training: Training,
    *,
    sharing: str | None = None,
    checkpoints: Path | None = None,
    inputs_key: str = "",
    whole: Rows | None = None,
    again: Rows | None = None,
    lesson: Lesson | None = None,
    progress: Callable[[Epoch], None] | None = None,
) -> Fitted:
    """Train until valid says stop. The same arguments on the same machine give the same bytes, also after a kill.

    `checkpoints` is the folder for checkpoints of all runs; this run's own is removed at the end. `inputs_key` is a hash
    of the rows; left out, their arrays are hashed. Where `train` is a part of something, `whole` tells where gradients
    meet. `again` is the rows of train with those of valid behind them: with it the network is trained anew on these, for as
    many epochs as were best before (Goodfellow, Bengio & Courville 2016, algorithm 7.2); history and best epochs are those
    of the training that valid judged. `lesson` is what teachers say of `again`, or else of `train`, for distillation; left
    out, they are trained first. Raises TrainingError if the device is not there, does not have the memory, or a loss is not
    finite.
    """
    with settings(training) as device:
        try:
            checkpoint, name = Checkpoint(None), sharing or model.sharing
            if checkpoints is not None:
                inputs_key = inputs_key or digest(train, valid, *(rows for rows in (whole, again) if rows is not None))
                checkpoint = Checkpoint(checkpoints / key_of(inputs_key, encodings, model, training, name, device))
            plan, rows, seconds = plan_of(encodings), train if again is None else again, 0.0
            lesson = lesson.to(device) if lesson is not None and is_taught(training, name) else None
            if lesson is None and is_taught(training, name):
                teach = partial(fit, encodings, train, valid, model, training.alone(), sharing="separate", checkpoints=checkpoints)
                teach = partial(teach, again=again, inputs_key=f"{inputs_key} teachers")
                lesson, seconds = Teachers.of(training, Store.of(plan, rows, device), checkpoint.folder).lesson(teach)
            start = partial(_started, plan, model, sharing, train if whole is None else whole, device)
            run, first = start(training, seconds), lesson if lesson is None else lesson.head(len(train.labelled))
            _epochs(run, train, valid, first, checkpoint, progress)
            fitted = _fitted(run, valid, device)
            if again is not None:
                checkpoint.save(run, last=True)
                run = start(training.model_copy(update={"relatedness": None}), run.seconds, run.stopping.epoch)
                _epochs(run, again, valid, lesson, checkpoint.within("again"), progress)
                fitted = _of_both(fitted, _fitted(run, valid, device))
        except torch.cuda.OutOfMemoryError as error:
            raise _too_big(device) from error
        fill_for_good(fitted.network, rows, device)
        checkpoint.remove()
        return fitted


def _started(
    plan: Plan,
    model: Model,
    sharing: str | None,
    meeting: Rows,
    device: torch.device,
    training: Training,
    seconds: float,
    epochs: list[int] | None = None,
) -> Run:
    """A run before its first epoch, `seconds` after the work for it began; `epochs`: of each unit, for how long it trains, where
    valid is not asked."""
    seed_epoch(training.seed, 0)
    run = Run.start(plan, model, training, sharing, device)
    run.seconds = seconds
    if epochs is not None:
        run.stopping = Planned(training.patience, run.stopping.score, list(epochs))
    _meet(run, meeting)
    return run


def _of_both(first: Fitted, again: Fitted) -> Fitted:
    """The network of the refit, with what the training before it has told."""
    return replace(again, history=first.history, best_epoch=first.best_epoch, relatedness=first.relatedness)


def _meet(run: Run, rows: Rows) -> None:
    """Decide where gradients meet, for balancing and for what is told of relatedness, by which of `rows` have which labels.

    Of parts of the same rows (folds) all of them decide: a share of common labels near the limit would else put one fold's
    gradients at the representation and another's at the parameters, where a look costs more and says something else.
    """
    mask = torch.from_numpy(np.array(rows.labelled.T, order="C")).to(run.network.device, torch.float32)
    run.meet(mask)
    run.tracker = tracker_of(run.network, mask, run.training.relatedness)


def _epochs(
    run: Run,
    train: Rows,
    valid: Rows,
    lesson: Lesson | None,
    checkpoint: Checkpoint,
    progress: Callable[[Epoch], None] | None,
) -> None:
    start, plan, device = time.perf_counter(), run.network.plan, run.network.device
    all_train, all_valid = replace(Store.of(plan, train, device), lesson=lesson), Store.of(plan, valid, device)
    count = train_steps(run.network, all_train, run.training.optimizer, run.training.batch_size)
    best = best_constants(run.network, all_train)
    constants = constant_losses(run.network, best, all_train, all_valid, count)
    start_at_constants(run.network, best)
    checkpoint.load(run)
    before, on_train, on_valid = run.seconds, all_train.only(run.active), all_valid.only(run.active)
    while run.goes_on:
        run.epoch += 1
        set_rates(run.optimizer, run.training, run.epoch)
        trained = _finite(run, train_epoch(run, on_train, count), "train")
        fill_catalogue(run.network, on_train, run.training.precision)
        judged = trained if run.refits else _finite(run, valid_losses(run, on_valid), "valid")
        scores = _scores(trained.mean, judged.mean, [constants[task] for task in run.active])
        run.note(scores)
        names = [task.name for task in run.network.plan.tasks]
        of_tasks = zip(names, trained.mean, judged.mean, trained.counts, strict=True)
        rows = [(run.epoch, name, t, v, labels) for name, t, v, labels in of_tasks]
        run.history += rows
        run.seconds = before + time.perf_counter() - start
        look_ahead(run, on_train, count)
        if run.leave():
            on_train, on_valid = all_train.only(run.active), all_valid.only(run.active)
        checkpoint.save(run)
        if progress is not None:
            progress(_epoch(run, rows, mean_score(scores)))
    run.seconds = before + time.perf_counter() - start


def _scores(train: list[float | None], valid: list[float | None], constants: list[float]) -> list[float | None]:
    """Each task's loss ÷ its best constant's; on train where valid has no label of it, None where the epoch had none either."""
    losses = [t if v is None else v for t, v in zip(train, valid, strict=True)]
    return [None if loss is None else loss / constant for loss, constant in zip(losses, constants, strict=True)]


def _finite(run: Run, losses: Losses, split: str) -> Losses:
    """The losses, or a TrainingError that names the tasks of the first step whose loss is not finite."""
    if losses.each.isfinite().all():
        return losses
    step = int((~losses.each.isfinite()).any(1).nonzero()[0])
    bad = [(t.name, float(x)) for t, x in zip(run.network.plan.tasks, losses.each[step], strict=True) if not math.isfinite(x)]
    raise TrainingError(
        f"epoch {run.epoch}, {split}: the loss of {', '.join(name for name, _ in bad[:5])}{' …' if len(bad) > 5 else ''}",
        expected="a finite number",
        found=f"{bad[0][1]} in step {step + 1}",
        do=f"a smaller training.lr (now {run.training.lr:g}), or training.clip: 1.0; look for extreme values in the target",
    )


def _epoch(run: Run, rows: list[Row], score: float) -> Epoch:
    train = {task: loss for _, task, loss, *_ in rows if loss is not None}
    valid = {task: loss for _, task, _, loss, _ in rows if loss is not None}
    units, tasks = run.stopping.score, len(run.plan.tasks)
    best = units[0] if len(units) == 1 else sum(units[run.unit_of[task]] for task in range(tasks)) / tasks  # groups differ in size
    last = max(run.stopping.epoch) if run.refits else run.training.max_epochs
    return Epoch(run.epoch, last, train, valid, score, best, run.seconds, run.refits)


@torch.no_grad()
def _fitted(run: Run, valid: Rows, device: torch.device) -> Fitted:
    plan = run.plan
    network = Network(plan, run.network.model, run.network.sharing)
    for name, parameter in network.named_parameters():
        parameter.copy_(run.best[name])
    history = pl.DataFrame(run.history, schema=HISTORY, orient="row")
    best_epoch = {task.name: run.stopping.epoch[run.unit_of[t]] for t, task in enumerate(plan.tasks)}
    parameters = sum(p.numel() for p in network.parameters())
    found = run.tracker.result([task.name for task in plan.tasks]) if run.tracker is not None else None
    gates = network.eval().gates(_some(network, valid))
    return Fitted(network, history, best_epoch, gates, _weights(run), parameters, run.seconds, str(device), found)


def _some(network: Network, valid: Rows) -> dict[str, Tensors]:
    """Rows of valid, [1, up to GATE_ROWS, …], for the mean of gates that depend on the row."""
    arrays = {name: {key: array[:GATE_ROWS] for key, array in of.items()} for name, of in valid.inputs.items()}
    tensors = input_tensors(network.plan, arrays)
    return take_inputs(tensors, torch.arange(min(rows_in(tensors), rows_at_once(GATE_ROWS, row_lengths(tensors)))))


def _weights(run: Run) -> dict[str, float]:
    weights = run.balancing.weights()
    names = [task.name for task in run.network.plan.tasks]
    return {} if weights is None else dict(zip(names, weights.tolist(), strict=True))


def _too_big(device: torch.device) -> TrainingError:
    total = torch.cuda.get_device_properties(device).total_memory / 2**30
    return TrainingError(
        "training on the GPU",
        expected="network, rows and one batch in its memory",
        found=f"{total:.0f} GiB are not enough",
        do="a smaller training.batch_size or model.width, or training.device: cpu",
    )
