"""Batches are rows of tensors, chosen by index; no row is ever collated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from mtl.network import Plan, input_tensors
from mtl.network.encoders import Arrays, Held, Tensors
from mtl.network.ragged import row_lengths, take_inputs
from mtl.training.lessons import Lesson


class Rows(Protocol):
    """A split of the aligned set (`mtl.data.aligned.AlignedSet` is one)."""

    @property
    def inputs(self) -> Mapping[str, Arrays]: ...
    @property
    def targets(self) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]: ...
    @property
    def labelled(self) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]: ...


@dataclass(frozen=True)
class Batch:
    """inputs [1 or task, batch, …]; targets and mask (1 where labelled) float32 [task, batch]."""

    inputs: dict[str, Tensors]
    targets: Tensor
    mask: Tensor
    lesson: Lesson | None = None


@dataclass(frozen=True)
class Store:
    """One split as tensors on the device; targets and mask are [task, rows]; a lesson where teachers have told."""

    inputs: dict[str, Held]
    targets: Tensor
    mask: Tensor
    lesson: Lesson | None = None

    @classmethod
    def of(cls, plan: Plan, rows: Rows, device: torch.device) -> Store:
        """All rows of a split, moved to the device once."""
        inputs = {name: _to(tensors, device) for name, tensors in input_tensors(plan, rows.inputs).items()}
        targets = torch.from_numpy(np.array(rows.targets.T, order="C")).to(device)
        mask = torch.from_numpy(np.array(rows.labelled.T, order="C")).to(device, torch.float32)
        return cls(inputs, targets * mask, mask)

    def only(self, tasks: Sequence[int]) -> Store:
        """The same rows, some of the tasks."""
        lesson = None if self.lesson is None else self.lesson.only(tasks)
        return Store(self.inputs, self.targets[list(tasks)], self.mask[list(tasks)], lesson)

    @property
    def dealt(self) -> Tensor:
        """[task, rows]: the rows each task learns from: those with its label, and those a teacher speaks of that any task
        has a label of."""
        return self.mask if self.lesson is None else torch.maximum(self.mask, self.lesson.mask * self.mask.any(0))

    @cached_property
    def lengths(self) -> Tensor | None:
        """int64 [rows], on the CPU: tokens of each row; None where all rows are alike."""
        found = row_lengths(self.inputs)
        return None if found is None else found.cpu()

    def batch(self, rows: Tensor) -> Batch:
        """Rows [batch], the same for all tasks, or [task, batch], each task's own."""
        return self._own(rows) if rows.dim() == 2 else self._joint(rows)

    def _joint(self, rows: Tensor) -> Batch:
        lesson = None if self.lesson is None else self.lesson.joint(rows)
        return Batch(take_inputs(self.inputs, rows), self.targets.index_select(1, rows), self.mask.index_select(1, rows), lesson)

    def _own(self, rows: Tensor) -> Batch:
        there, flat = rows >= 0, rows.clamp(min=0)
        lesson = None if self.lesson is None else self.lesson.own(flat, there)
        return Batch(take_inputs(self.inputs, rows), self.targets.gather(1, flat), self.mask.gather(1, flat) * there, lesson)


def _to(tensors: Held, device: torch.device) -> Held:
    return {key: tensor.to(device) for key, tensor in tensors.items()}
