"""Batches are rows of tensors, chosen by index; no row is ever collated.

Where tasks share one network, a batch is a set of rows for all of them. Where each task has a network of its own, each
task gets its own labelled rows, so that a row costs only the tasks that have its label: [task, row], −1 where a task
has fewer. Both make the same number of steps an epoch from the same `batch_size`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from mtl.network import Plan, input_tensors
from mtl.network.encoders import Arrays, Tensors
from mtl.training.lessons import Lesson

LEAST_STEPS = 8
"""Steps an epoch has at least: a small table then has smaller batches instead of hardly any update."""


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

    inputs: dict[str, Tensors]
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

    def batch(self, rows: Tensor) -> Batch:
        """Rows [batch], the same for all tasks, or [task, batch], each task's own."""
        return self._own(rows) if rows.dim() == 2 else self._joint(rows)

    def _joint(self, rows: Tensor) -> Batch:
        inputs = {n: {key: t.index_select(0, rows).unsqueeze(0) for key, t in of.items()} for n, of in self.inputs.items()}
        lesson = None if self.lesson is None else self.lesson.joint(rows)
        return Batch(inputs, self.targets.index_select(1, rows), self.mask.index_select(1, rows), lesson)

    def _own(self, rows: Tensor) -> Batch:
        there, flat = rows >= 0, rows.clamp(min=0)
        line = flat.flatten()
        inputs = {name: {key: _rows_of(t, line, flat.shape) for key, t in of.items()} for name, of in self.inputs.items()}
        lesson = None if self.lesson is None else self.lesson.own(flat, there)
        return Batch(inputs, self.targets.gather(1, flat), self.mask.gather(1, flat) * there, lesson)


def _to(tensors: Tensors, device: torch.device) -> Tensors:
    return {key: tensor.to(device) for key, tensor in tensors.items()}


def _rows_of(tensor: Tensor, line: Tensor, shape: torch.Size) -> Tensor:
    return tensor.index_select(0, line).view(*shape, *tensor.shape[1:])


def steps(labels: int, batch_size: int) -> int:
    """Steps an epoch over so many rows (or over the labels of the task that has most)."""
    return max(1, -(-labels // batch_size), min(LEAST_STEPS, labels))


def joint(mask: Tensor, count: int, generator: torch.Generator | None) -> Iterator[Tensor]:
    """All rows with any label, dealt into `count` batches [batch]; in their own order without a generator."""
    rows = mask.any(0).nonzero().flatten().cpu()
    yield from _shuffled(rows, generator).to(mask.device).tensor_split(count)


def own(mask: Tensor, count: int, generator: torch.Generator | None) -> Iterator[Tensor]:
    """Each task's labelled rows, dealt evenly into `count` batches [task, batch], −1 where a task has fewer."""
    dealt = [_shuffled(row.nonzero().flatten(), generator).tensor_split(count) for row in mask.cpu()]
    for parts in zip(*dealt, strict=True):
        widest = max(1, *(len(part) for part in parts))
        yield torch.stack([torch.nn.functional.pad(part, (0, widest - len(part)), value=-1) for part in parts]).to(mask.device)


def _shuffled(rows: Tensor, generator: torch.Generator | None) -> Tensor:
    return rows if generator is None else rows[torch.randperm(len(rows), generator=generator)]
