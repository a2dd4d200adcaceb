"""One trial: fit the network on every part and say how well it did on the rows that judge."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtl.spec import Spec
from mtl.tuning.data import Plan
from mtl.tuning.teachers import lesson_for

if TYPE_CHECKING:
    from mtl.training.fit import Epoch, Fitted

Report = Callable[[int, int, float], None]
"""Part, epoch, score so far: the mean over the parts begun."""


@dataclass(frozen=True)
class Measured:
    """`score`: the mean over parts of `parts`. Of a part: the mean over tasks of the lowest valid loss ÷ the best
    constant's, which is what early stopping reads; 1 is no better than guessing. losses: task -> its own valid loss
    at its best epoch, mean over parts."""

    score: float
    parts: list[float]
    losses: dict[str, float]
    epochs: list[int]
    parameters: int
    seconds: float


def measure(spec: Spec, plan: Plan, report: Report) -> Measured:
    """Fit `spec` on each part of `plan`, telling `report` after every epoch. Whatever it raises ends the trial."""
    from mtl.training.fit import fit

    began = time.perf_counter()
    scores: list[float] = []
    fitted: list[Fitted] = []
    for part in plan.parts:
        sides = plan.sides(spec, part)
        epochs: list[Epoch] = []

        def told(epoch: Epoch, part: int = part, epochs: list[Epoch] = epochs) -> None:
            epochs.append(epoch)
            report(part, epoch.epoch, (sum(scores) + epoch.best_score) / (len(scores) + 1))

        trial, encodings = plan.chosen(spec, sides.encodings)
        training = trial.training.model_copy(update={"relatedness": None})  # it watches only, and a trial need not
        lesson = lesson_for(trial, encodings, sides.train, sides.valid, part, plan.scratch)
        fitted.append(fit(encodings, sides.train, sides.valid, trial.model, training, lesson=lesson, progress=told))
        scores.append(epochs[-1].best_score)
    return Measured(
        sum(scores) / len(scores), scores, _losses(fitted), [max(one.best_epoch.values()) for one in fitted],
        max(one.parameters for one in fitted), time.perf_counter() - began,
    )  # fmt: skip


def _losses(fitted: list[Fitted]) -> dict[str, float]:
    """Of every task that each part has, and that has a label on its valid side."""
    found: dict[str, list[float]] = {}
    for one in fitted:
        for epoch, task, _, loss, _ in one.history.iter_rows():
            if epoch == one.best_epoch[task] and loss is not None:
                found.setdefault(task, []).append(loss)
    return {task: sum(losses) / len(losses) for task, losses in found.items() if len(losses) == len(fitted)}
