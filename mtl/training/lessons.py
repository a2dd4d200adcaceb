"""A lesson: what teachers say of every row, and to whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Lesson:
    """soft float32 [task, rows, class]: a value, or probabilities; mask float32 [task, rows]: 1 where a task may learn."""

    soft: Tensor
    mask: Tensor

    def to(self, device: torch.device) -> Lesson:
        return Lesson(self.soft.to(device), self.mask.to(device))

    def head(self, rows: int) -> Lesson:
        """Of the first rows."""
        return Lesson(self.soft[:, :rows], self.mask[:, :rows])

    def only(self, tasks: Sequence[int]) -> Lesson:
        return Lesson(self.soft[list(tasks)], self.mask[list(tasks)])

    def joint(self, rows: Tensor) -> Lesson:
        """Rows [batch], the same for all tasks."""
        return Lesson(self.soft.index_select(1, rows), self.mask.index_select(1, rows))

    def own(self, rows: Tensor, there: Tensor) -> Lesson:
        """Rows [task, batch], each task's own; `there` is false where a task has fewer."""
        wide = rows.unsqueeze(-1).expand(-1, -1, self.soft.shape[-1])
        return Lesson(self.soft.gather(1, wide), self.mask.gather(1, rows) * there)
