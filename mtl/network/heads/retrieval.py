"""retrieval: a row becomes a point on a sphere, close to the points of rows of the same identity and far from all others.

Loss: supervised contrastive (Khosla et al. 2020, arXiv:2004.11362, eq. 2). Of row i, with z the points, P(i) the other rows of
its identity in the batch and A(i) all other rows there that have one:

    −1/|P(i)| · Σ_{p ∈ P(i)} log( exp(z_i·z_p / τ) / Σ_{a ∈ A(i)} exp(z_i·z_a / τ) )

A row whose identity nobody else in the batch has adds 0 and does not count (`in_mean`), one without a label is in no sum. The
catalogue holds of each identity the mean of its points over the train rows; a prediction is the softmax over it of cosine / τ.
How large the loss is hangs on who else is in the batch, so that early stopping reads another: −log of the share that a row's
identity has in its prediction (`judged`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from mtl.network.heads.base import Head
from mtl.network.plan import TaskPlan

NOT_THERE = -1e9
"""In place of a cosine that does not count: finite, since a row may have no other."""
SHORT = 1e-3
PAIRS = 1 << 24
"""Pairs of rows, over all tasks and members, that are compared at a time."""


class Retrieval(Head):
    """Logits [task, batch, member, size] are the points, not yet of length 1; those of tasks with a smaller size end in zeros."""

    together: ClassVar[bool] = True
    taught: ClassVar[bool] = False
    beyond: Tensor
    nobody: Tensor
    temperature: Tensor
    catalogue: Tensor

    def __init__(self, tasks: Sequence[TaskPlan], width: int, widest: int, members: int = 1) -> None:
        super().__init__(tasks, width, widest, members)
        sizes, known = (torch.tensor(numbers)[:, None, None, None] for numbers in zip(*((t.classes, t.identities) for t in tasks)))
        most = max(task.identities for task in tasks)
        self.register_buffer("beyond", torch.arange(widest) >= sizes, persistent=False)
        self.register_buffer("nobody", torch.arange(most) >= known, persistent=False)
        temperature = torch.tensor([task.temperature for task in tasks])[:, None, None, None]
        self.register_buffer("temperature", temperature, persistent=False)
        self.register_buffer("catalogue", torch.zeros(len(tasks), members, most, widest))

    @staticmethod
    def outputs(classes: int) -> int:
        return classes

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).masked_fill(self.beyond, 0)

    def slopes(self) -> Tensor:
        return self.weight.masked_fill(self.beyond if self.weight.dim() == 4 else self.beyond.squeeze(1), 0)

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        return self.loss_together(logits, targets, torch.ones_like(targets))

    def loss_together(self, logits: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
        z, there = points(logits).transpose(1, 2), mask > 0  # [task, member, batch, size]
        batch = targets.shape[1]
        step = max(1, PAIRS // max(1, z.shape[0] * z.shape[1] * batch))
        parts = [slice(start, start + step) for start in range(0, batch, step)]
        return torch.cat([self._of_rows(part, z, targets, there) for part in parts], -1).transpose(1, 2)

    def _of_rows(self, rows: slice, z: Tensor, targets: Tensor, there: Tensor) -> Tensor:
        """Of some of the rows, [task, member, rows]."""
        cosine, number = z[:, :, rows] @ z.transpose(-1, -2) / self.temperature, torch.arange(z.shape[2], device=z.device)
        others = there[:, None, None, :] & (number[rows, None] != number)
        alike = others & (targets[:, None, rows, None] == targets[:, None, None, :]) & there[:, None, rows, None]
        among = torch.logsumexp(torch.where(others, cosine, NOT_THERE), -1)
        count = alike.sum(-1)
        found = among - torch.where(alike, cosine, 0).sum(-1) / count.clamp(min=1)
        return torch.where(count > 0, found, 0)

    def in_mean(self, targets: Tensor, mask: Tensor) -> Tensor:
        """Without rows whose identity nobody else in the batch has."""
        identity, order = torch.where(mask > 0, targets, -1).sort(1)
        alike = (identity[:, 1:] == identity[:, :-1]) & (identity[:, 1:] >= 0)
        met = functional.pad(alike, (1, 0)) | functional.pad(alike, (0, 1))
        return mask * met.gather(1, order.argsort(1))

    def judged(self, logits: Tensor, targets: Tensor) -> Tensor:
        """−log of the identity's share in the mean of what the members predict, by the catalogue of now."""
        log = functional.log_softmax(self._cosines(logits.float()), -1)  # [task, member, batch, identity]
        identity = targets.long()[:, None, :, None].expand(-1, log.shape[1], -1, -1)
        return math.log(log.shape[1]) - log.gather(-1, identity).squeeze(-1).logsumexp(1)

    def imitation(self, logits: Tensor, soft: Tensor) -> Tensor:
        """Nothing: it is not taught (`taught`)."""
        return logits.new_zeros(logits.shape[:3])

    def predictions(self, logits: Tensor) -> Tensor:
        """→ [task, batch, member, identity]; identities that a task does not have get exactly 0."""
        return functional.softmax(self._cosines(logits), -1).transpose(1, 2)

    def _cosines(self, logits: Tensor) -> Tensor:
        """With the catalogue, over the temperature: [task, member, batch, identity], −inf where a task has no such identity."""
        cosine = points(logits).transpose(1, 2) @ self.catalogue.to(logits.dtype).transpose(-1, -2) / self.temperature
        return cosine.masked_fill(self.nobody, -torch.inf)

    def told(self, logits: Tensor) -> Tensor:
        """The point itself: the catalogue is not there before the end."""
        return points(logits)

    def pooled(self, logits: Tensor) -> Tensor:
        """One point whose cosines are the means of the members'."""
        return points(logits).flatten(2).unsqueeze(2)

    def constant(self, targets: Tensor, task: int) -> Tensor:
        """All rows in one place, the centre of the sphere: as close to all as to any."""
        return self.weight.new_zeros(self.weight.shape[-1])

    def start_at(self, constants: Tensor) -> None:
        """Nowhere in particular: from the centre no direction is better than another."""

    @torch.no_grad()
    def fill(self, batches: Iterable[tuple[Tensor, Tensor, Tensor]]) -> None:
        """Make the catalogue of train rows: logits [task, batch, member, size], identities and mask [task, batch] of each batch."""
        total = torch.zeros(self.catalogue.shape, dtype=torch.float64)
        for logits, targets, mask in batches:
            identity, known = targets.long().cpu(), (mask > 0).cpu()
            for task, of_task in enumerate(points(logits.double()).transpose(1, 2).cpu()):  # sums on the CPU: always in one order
                total[task].index_add_(1, identity[task][known[task]], of_task[:, known[task]])
        self.catalogue.copy_(functional.normalize(total, dim=-1))

    @torch.no_grad()
    def take_over(self, place: int, other: Head, theirs: int) -> None:
        assert isinstance(other, Retrieval)
        mine, found = self.catalogue[place], other.catalogue[theirs]
        rows, size = (min(a, b) for a, b in zip(mine.shape[1:], found.shape[1:]))
        mine[:, :rows, :size] = found[:, :rows, :size]


def points(logits: Tensor) -> Tensor:
    """Logits [..., size] as points of length 1; shorter ones than SHORT stay inside, where their gradient would explode."""
    return functional.normalize(logits, dim=-1, eps=SHORT)
