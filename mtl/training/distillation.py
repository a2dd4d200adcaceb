"""Distillation: single-task networks, trained first on the same rows, teach the shared one what they found.

The loss of a task becomes  L_t = own_t + w(epoch) · distilled_t,  both means: own over its labels in the batch, distilled
over all rows of the batch that show at least one input the task may see, labelled or not; so a head learns from rows that
only other tasks have labels of. distilled_t is the head's distance to its teacher: squared error to its value, or
cross-entropy to its softened classes, times temperature² (Hinton, Vinyals & Dean 2015, arXiv:1503.02531). Single-task
teachers for a multi-task student, and a weight that falls on a straight line, so that labels have the last word, are of
Clark et al. 2019 (BAM, arXiv:1907.04829, "teacher annealing"). Li & Bilen 2020 (arXiv:2007.06889) have the same teachers
but match representations; predictions need no adaptor, and their scale is the loss's own.

Balancing acts on L_t. A task is present in a batch where it has a label, or where its teacher speaks and w > 0. Losses of
the record, and of early stopping, are own losses alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import torch
from torch import Tensor

from mtl.network import Network, Outputs, Plan
from mtl.network.heads import HEADS
from mtl.network.ragged import rows_at_once
from mtl.network.sharing import SHARINGS
from mtl.spec import Distillation, Training
from mtl.training.batches import Rows, Store
from mtl.training.devices import on_threads
from mtl.training.lessons import Lesson
from mtl.training.sealed import read_sealed, write_sealed

FILE = "teachers.safetensors"
ROWS = 8192
"""Rows that teachers speak of at a time, over all of them."""


def is_taught(training: Training, sharing: str) -> bool:
    """Whether teachers are asked for; who shares nothing would teach itself."""
    return training.distillation is not None and not SHARINGS[sharing].own_stop


def taught(
    network: Network, outputs: Outputs, lesson: Lesson, losses: Tensor, present: Tensor, training: Training, epoch: int
) -> tuple[Tensor, Tensor]:
    """Own losses and presence [task] → those with what the teachers add in this epoch."""
    assert training.distillation is not None
    weight = training.distillation.weight_at(epoch, training.max_epochs)
    if weight == 0:
        return losses, present
    rows = lesson.mask.sum(1)
    distance = network.imitation(outputs, lesson.soft, lesson.mask, training.distillation.temperature)
    return losses + weight * distance / rows.clamp(min=1), present | (rows > 0)


class Trained(Protocol):
    """Single-task networks in one, and how long they took (`mtl.training.Fitted` is one)."""

    @property
    def network(self) -> Network: ...
    @property
    def seconds(self) -> float: ...


@dataclass(frozen=True)
class Teachers:
    """Those of one run: where their lesson is for (`train`), and where it is kept (`folder`, the run's checkpoint's)."""

    asked: Distillation
    train: Store
    folder: Path | None

    @classmethod
    def of(cls, training: Training, train: Store, folder: Path | None) -> Teachers:
        """Of a run that `is_taught`."""
        assert training.distillation is not None
        return cls(training.distillation, train, folder)

    def lesson(self, teach: Callable[[], Trained]) -> tuple[Lesson, float]:
        """The lesson and the seconds it took: the one kept, or a new one of networks that `teach` trains."""
        kept = None if self.folder is None else read_lesson(self.folder, self.train.mask.device)
        if kept is not None:
            return kept
        trained = teach()
        lesson = lesson_of(trained.network.to(self.train.mask.device), self.train, self.asked.temperature)
        if self.folder is not None:
            write_lesson(self.folder, lesson, trained.seconds)
        return lesson, trained.seconds


def lesson_on(teachers: Network, train: Rows, asked: Distillation, threads: int = 1) -> Lesson:
    """What networks that are there already say of every row of `train`, on the CPU; for `fit`'s argument `lesson`, on as many
    threads as that has."""
    with on_threads(threads):
        return lesson_of(teachers, Store.of(teachers.plan, train, teachers.device), asked.temperature)


@torch.no_grad()
def lesson_of(teachers: Network, train: Store, temperature: float) -> Lesson:
    """What `teachers`, single-task networks in one, say of every row of `train`."""
    teachers.eval()
    copies = len(teachers.plan.tasks)
    count = max(1, -(-train.mask.shape[1] // rows_at_once(max(1, ROWS // copies), train.lengths, copies)))
    rows = torch.arange(train.mask.shape[1], device=train.mask.device).tensor_split(count)
    soft = [teachers.predictions(teachers(train.batch(part).inputs), temperature) for part in rows]
    return Lesson(torch.cat(soft, 1), may_learn(teachers.plan, train))


def may_learn(plan: Plan, train: Store) -> Tensor:
    """float32 [task, rows]: 1 where the row has an input that the task sees; nowhere for a task that cannot be taught."""
    everywhere = torch.ones_like(train.mask[0], dtype=torch.bool)
    present = [cast(Tensor, train.inputs[one.name].get("present", everywhere)) for one in plan.inputs]
    there = torch.stack(present).float()
    sees = torch.tensor(plan.sees([task.inputs for task in plan.tasks]), device=there.device).float()
    able = torch.tensor([HEADS[task.kind].taught for task in plan.tasks], device=there.device)
    return (sees @ there > 0).float() * able[:, None]


def write_lesson(folder: Path, lesson: Lesson, seconds: float) -> None:
    """Keep it beside the run's checkpoint: a run that is killed need not train its teachers again."""
    write_sealed(folder / FILE, {"soft": lesson.soft, "mask": lesson.mask}, {"seconds": seconds})


def read_lesson(folder: Path, device: torch.device) -> tuple[Lesson, float] | None:
    """The lesson kept there and the seconds it took; None if there is none, or (with a warning) a broken one."""
    found = read_sealed(folder / FILE, "teachers are trained anew")
    if found is None:
        return None
    tensors, said = found
    return Lesson(tensors["soft"].to(device), tensors["mask"].to(device)), float(said["seconds"])
