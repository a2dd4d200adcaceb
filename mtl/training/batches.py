"""Batches are rows of tensors, chosen by index; no row is ever collated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from mtl.network import Plan, input_tensors
from mtl.network.encoders import Arrays, Held, Tensors
from mtl.network.ragged import RaggedTensor, row_lengths, take, take_inputs
from mtl.training.lessons import Lesson
from mtl.training.samplers.units import Unit, units_of


class Lists(Protocol):
    """Rows of different length (`mtl.data.ragged.Ragged` is one)."""

    @property
    def values(self) -> np.ndarray[Any, Any]: ...
    @property
    def offsets(self) -> np.ndarray[Any, Any]: ...


class Rows(Protocol):
    """A split of the aligned set (`mtl.data.aligned.AlignedSet` is one)."""

    @property
    def inputs(self) -> Mapping[str, Arrays]: ...
    @property
    def targets(self) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]: ...
    @property
    def labelled(self) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]: ...
    @property
    def lists(self) -> Mapping[str, Lists]: ...


@dataclass(frozen=True)
class Batch:
    """inputs [1 or task, batch, …]; targets and mask (1 where labelled) float32 [task, batch]; lists: of each task whose label
    is a list its numbers, int64 [batch, longest], 0 behind their end."""

    inputs: dict[str, Tensors]
    targets: Tensor
    mask: Tensor
    lesson: Lesson | None = None
    lists: dict[int, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Store:
    """One split as tensors on the device; targets and mask are [task, rows]; a lesson where teachers have told; lists of
    the tasks, by their places, whose labels are lists."""

    inputs: dict[str, Held]
    targets: Tensor
    mask: Tensor
    lesson: Lesson | None = None
    lists: dict[int, RaggedTensor] = field(default_factory=dict)

    @classmethod
    def of(cls, plan: Plan, rows: Rows, device: torch.device) -> Store:
        """All rows of a split, moved to the device once."""
        inputs = {name: _to(tensors, device) for name, tensors in input_tensors(plan, rows.inputs).items()}
        targets = torch.from_numpy(np.array(rows.targets.T, order="C")).to(device)
        mask = torch.from_numpy(np.array(rows.labelled.T, order="C")).to(device, torch.float32)
        held = {t: rows.lists[one.name] for t, one in enumerate(plan.tasks) if one.name in rows.lists}
        lists = {t: RaggedTensor.of(one.values, one.offsets).to(device) for t, one in held.items()}
        return cls(inputs, targets * mask, mask, lists=lists)

    def only(self, tasks: Sequence[int]) -> Store:
        """The same rows, some of the tasks."""
        lesson = None if self.lesson is None else self.lesson.only(tasks)
        lists = {place: self.lists[t] for place, t in enumerate(tasks) if t in self.lists}
        return Store(self.inputs, self.targets[list(tasks)], self.mask[list(tasks)], lesson, lists)

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

    @cached_property
    def units(self) -> list[Unit]:
        """Tasks with labels on common rows, and these rows: what samplers choose between."""
        return units_of(self.mask)

    def identity(self, task: int) -> Tensor:
        """int64 [rows], on the CPU: the number that each row's label is, −1 where it has none."""
        return torch.where(self.mask[task] > 0, self.targets[task], -1).long().cpu()

    def batch(self, rows: Tensor) -> Batch:
        """Rows [batch], the same for all tasks, or [task, batch], each task's own."""
        return self._own(rows) if rows.dim() == 2 else self._joint(rows)

    def _joint(self, rows: Tensor) -> Batch:
        lesson = None if self.lesson is None else self.lesson.joint(rows)
        lists = {t: take(held, rows)[0] for t, held in self.lists.items()}
        targets, mask = self.targets.index_select(1, rows), self.mask.index_select(1, rows)
        return Batch(take_inputs(self.inputs, rows), targets, mask, lesson, lists)

    def _own(self, rows: Tensor) -> Batch:
        there, flat = rows >= 0, rows.clamp(min=0)
        lesson = None if self.lesson is None else self.lesson.own(flat, there)
        lists = {t: take(held, rows[t])[0] for t, held in self.lists.items()}
        targets, mask = self.targets.gather(1, flat), self.mask.gather(1, flat) * there
        return Batch(take_inputs(self.inputs, rows), targets, mask, lesson, lists)


def _to(tensors: Held, device: torch.device) -> Held:
    return {key: tensor.to(device) for key, tensor in tensors.items()}
