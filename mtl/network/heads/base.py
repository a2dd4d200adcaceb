"""What every head offers: all tasks of one kind, fused into one matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from mtl.network.layers import uniform

EXTREME = 6.0
"""Largest logit that a bias starts at: a class that train hardly has (a quarter of a percent) may still be learned."""


class Head(nn.Module):
    """All tasks of one kind. Logits are [task, batch, member, out], padded to the largest number of classes."""

    of_classes: ClassVar[bool] = True
    """Whether the loss is of a class (Kendall's classification form) or of a number (his regression form)."""

    def __init__(self, classes: Sequence[int], width: int, widest: int) -> None:
        """`classes` of each task; `widest` is what the logits are padded to."""
        super().__init__()
        out = self.outputs(widest)
        self.weight = nn.Parameter(uniform(width, len(classes), width, out))
        self.bias = nn.Parameter(uniform(width, len(classes), out))

    @staticmethod
    def outputs(classes: int) -> int:
        """Columns of the matrix that a task of so many classes needs."""
        return 1

    def forward(self, x: Tensor) -> Tensor:
        """[1, batch, member, width] (the same for all tasks: one product) or [task, …] → logits."""
        tasks, width, out = self.weight.shape
        if len(x) == 1:
            flat = self.weight.transpose(0, 1).reshape(width, tasks * out)
            logits = torch.addmm(self.bias.flatten(), x.flatten(0, 2), flat)
            return logits.view(x.shape[1], x.shape[2], tasks, out).permute(2, 0, 1, 3)
        logits = torch.baddbmm(self.bias.unsqueeze(1), x.flatten(1, 2), self.weight)
        return logits.view(tasks, x.shape[1], x.shape[2], out)

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Logits [task, batch, member, out], targets [task, batch] → loss of each row [task, batch, member]."""
        raise NotImplementedError

    def decode(self, logits: Tensor) -> Tensor:
        """Logits → prediction [task, batch] or probabilities [task, batch, class], the mean over members."""
        raise NotImplementedError

    @torch.no_grad()
    def start_at(self, constants: Tensor) -> None:
        """Let the biases be the best constants [task, out]: training then begins at them, not somewhere around 0.

        A rare class, or the threshold between two classes, is else the slowest thing to learn (Lin et al. 2017, 4.1).
        """
        self.bias.copy_(constants.clamp(-EXTREME, EXTREME))

    def constant(self, targets: Tensor, task: int) -> Tensor:
        """Logits [out] of the constant that fits these targets [n] of one task best: what every network must beat."""
        raise NotImplementedError
