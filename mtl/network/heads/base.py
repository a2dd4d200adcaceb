"""What every head offers: all tasks of one kind, fused into one matrix."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from mtl.network.layers import uniform
from mtl.network.plan import TaskPlan

EXTREME = 6.0
"""Largest logit that a bias starts at: a class that train hardly has (a quarter of a percent) may still be learned."""


class Head(nn.Module, ABC):
    """All tasks of one kind. Logits are [task, batch, member, out], padded to the largest number of classes.

    Each member has a head of its own (TabM): weight [task, member, width, out], bias [task, member, out]. Without
    members there is no such dimension.
    """

    of_classes: ClassVar[bool] = True
    """Whether the loss is of a class (Kendall's classification form) or of a number (his regression form)."""

    listed: ClassVar[bool] = False
    """Whether a label is a list: `loss` and `constant` then get its numbers, from 1, with 0 behind their end, as one more
    dimension of `targets`: [task, batch, longest] and [n, longest]."""

    together: ClassVar[bool] = False
    """Whether rows of a batch look at each other: what one row costs hangs on which others have labels (`loss_together`)."""

    taught: ClassVar[bool] = True
    """Whether it can learn from what another network predicts (`imitation`)."""

    of_tokens: ClassVar[bool] = False
    """Whether it reads tokens instead of rows: `forward` then makes logits [task, token, member, out], and what follows has them
    in a grid [task, batch, length, member, out], −inf behind a row's end; `decode` gives class numbers [task, batch, length]."""

    def __init__(self, tasks: Sequence[TaskPlan], width: int, widest: int, members: int = 1) -> None:
        """`tasks` of this kind, in their order; `widest` is the number of classes that the logits are padded to."""
        super().__init__()
        out = self.outputs(widest)
        self.each = (len(tasks),) if members == 1 else (len(tasks), members)
        self.weight = nn.Parameter(uniform(width, *self.each, width, out))
        self.bias = nn.Parameter(uniform(width, *self.each, out))

    @staticmethod
    def outputs(classes: int) -> int:
        """Columns of the matrix that a task of so many classes needs."""
        return 1

    def forward(self, x: Tensor) -> Tensor:
        """[1, batch, member, width] (the same for all tasks: one product) or [task, …] → logits."""
        return self.product(x)

    def product(self, x: Tensor, only: slice = slice(None)) -> Tensor:
        """As `forward`, of these tasks only."""
        weight, bias = self.weight[only], self.bias[only]
        return _of_members(x, weight, bias) if weight.dim() == 4 else _of_one(x, weight, bias)

    def slopes(self) -> Tensor:
        """The logits' derivative with respect to what the head reads: [task, width, out] or [task, member, width, out]."""
        return self.weight

    @abstractmethod
    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Logits [task, batch, member, out], targets [task, batch] → loss of each row [task, batch, member]; where `listed`
        targets are int64 [task, batch, longest]."""

    def loss_together(self, logits: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
        """The same of a whole batch, with the rows that have labels, mask [task, batch]; other rows may get anything."""
        return self.loss(logits, targets)

    def in_mean(self, targets: Tensor, mask: Tensor) -> Tensor:
        """Targets and mask of a whole batch [task, batch] → the mask without labels that cost nothing, whatever is predicted:
        they have no say in a mean."""
        return mask

    def judged(self, logits: Tensor, targets: Tensor) -> Tensor:
        """What each row costs by itself, whoever else is there, [task, batch]: what early stopping reads. Of members what their
        mean prediction costs, as TabM's authors judge them."""
        return self.loss(self.pooled(logits) if logits.shape[-2] > 1 else logits, targets).mean(-1)

    @abstractmethod
    def imitation(self, logits: Tensor, soft: Tensor) -> Tensor:
        """Logits [task, batch, member, out] and what another network predicts, [task, batch, class], one number or
        probabilities → how far from it each row is, [task, batch, member]: `loss`, with soft targets."""

    @abstractmethod
    def predictions(self, logits: Tensor) -> Tensor:
        """Logits → each member's prediction [task, batch, member] or probabilities [task, batch, member, class]."""

    def told(self, logits: Tensor) -> Tensor:
        """Logits → a guess as other tasks are told it (`TwoGuesses`), shaped as `predictions`: numbers of moderate size."""
        return self.predictions(logits)

    def decode(self, logits: Tensor) -> Tensor:
        """Logits → prediction [task, batch] or probabilities [task, batch, class], the mean over members."""
        return self.predictions(logits).mean(2)

    @abstractmethod
    def pooled(self, logits: Tensor) -> Tensor:
        """Logits [task, batch, member, out] → those of what `decode` gives, the mean of the predictions, as one member."""

    def spread(self, logits: Tensor) -> Tensor:
        """Logits → the standard deviation over members of what `decode` gives: how far they are from being of one mind."""
        return self.predictions(logits).std(2)

    @torch.no_grad()
    def start_at(self, constants: Tensor) -> None:
        """Let the biases be the best constants [task, out]: training then begins at them, not somewhere around 0.

        A rare class, or the threshold between two classes, is else the slowest thing to learn (Lin et al. 2017, 4.1).
        """
        self.bias.copy_(self.for_each(constants.clamp(-EXTREME, EXTREME)))

    def for_each(self, of_task: Tensor) -> Tensor:
        """[task, …] as it broadcasts against parameters [task, …] or, with members, [task, member, …]."""
        return of_task if len(self.each) == 1 else of_task.unsqueeze(1)

    def take_over(self, place: int, other: Head, theirs: int) -> None:
        """Take over, for the task at `place`, what another head of this kind keeps of its task at `theirs` beside parameters."""

    @abstractmethod
    def constant(self, targets: Tensor, task: int) -> Tensor:
        """Logits [out] of the constant that fits these targets [n] of one task best: what every network must beat."""


class ListedHead(Head):
    """A head whose label is a list of classes, each once or, where a class belongs to a token, as often as it stands there."""

    listed = True

    def constant(self, targets: Tensor, task: int) -> Tensor:
        """targets int64 [n, longest] → logits [out] of the best constant."""
        times = torch.bincount(targets.flatten(), minlength=self.weight.shape[-1] + 1)[1:]
        return self.usual(times, len(targets), task)

    @abstractmethod
    def usual(self, times: Tensor, rows: int, task: int) -> Tensor:
        """`constant` of so many rows, whose lists hold each class so many times, int64 [out]."""


def mean_logit(logits: Tensor) -> Tensor:
    """Logits [task, batch, member, out] of probabilities → [task, batch, 1, out], the logit of their mean over members."""
    log = torch.nn.functional.logsigmoid
    return torch.logsumexp(log(logits), 2, keepdim=True) - torch.logsumexp(log(-logits), 2, keepdim=True)


def _of_one(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """`Head.forward` with weight [task, width, out] and bias [task, out]."""
    tasks, width, out = weight.shape
    if len(x) == 1:
        flat = weight.transpose(0, 1).reshape(width, tasks * out)
        logits = torch.addmm(bias.flatten(), x.flatten(0, 2), flat)
        return logits.view(x.shape[1], x.shape[2], tasks, out).permute(2, 0, 1, 3)
    logits = torch.baddbmm(bias.unsqueeze(1), x.flatten(1, 2), weight)
    return logits.view(tasks, x.shape[1], x.shape[2], out)


def _of_members(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The same where each member has its own weight: a batched product over members, or over tasks and members."""
    tasks, members, width, out = weight.shape
    if len(x) == 1:
        flat = weight.permute(1, 2, 0, 3).reshape(members, width, tasks * out)
        flat_bias = bias.transpose(0, 1).reshape(members, 1, tasks * out)
        rows = x.squeeze(0).expand(-1, members, -1).transpose(0, 1)  # [0] would cost a pass over zeros
        return torch.baddbmm(flat_bias, rows, flat).view(members, -1, tasks, out).permute(2, 1, 0, 3)
    rows = x.expand(-1, -1, members, -1).transpose(1, 2).reshape(tasks * members, -1, width)
    logits = torch.baddbmm(bias.view(-1, 1, out), rows, weight.flatten(0, 1))
    return logits.view(tasks, members, -1, out).transpose(1, 2)
