"""tagging: a tag for each token of a row; a linear chain over them (a CRF), or each token for itself.

As in Lample et al. 2016 (arXiv:1603.01360, section 2.2) the head's scores are a chain's emissions, with learned scores for
which tag begins a row and which follows which. Where tags are spans (`O`, then `B-` and `I-` of each type), a span goes on
only where one of its type stands: other sequences have no part in a chain's probabilities, and are never decoded, chain or
not. Without a chain a token's loss is cross-entropy.

A row's loss is the sum over its tokens, divided by the mean length of train's rows: every token then counts the same, in a
long row as in a short one, and the task's loss is about that of one token, as large as other tasks' losses are.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from mtl.network.heads.base import ListedHead
from mtl.network.heads.chain import best_tags, log_likelihood
from mtl.network.plan import TaskPlan

LITTLE = 0.01
"""Of the loss beside the share of wrong tags, which alone may be 0 for the best constant (a split without a span)."""


class Tagging(ListedHead):
    """Reads tokens instead of rows: `forward` has one score a token and tag; what follows has them in a grid, [task, batch,
    length, member, tag], −inf for tags that a task does not have and behind a row's end."""

    taught = False
    of_tokens = True
    beyond: Tensor
    chained: Tensor
    may_start: Tensor
    may_follow: Tensor
    length: Tensor

    def __init__(self, tasks: Sequence[TaskPlan], width: int, widest: int, members: int = 1) -> None:
        super().__init__(tasks, width, widest, members)
        legal = [legal_moves(widest, task.spans) for task in tasks]
        beyond = torch.arange(widest) >= torch.tensor([task.classes for task in tasks])[:, None]
        known = {
            "beyond": beyond[:, None, None, :],
            "chained": torch.tensor([task.crf for task in tasks]),
            "may_start": torch.stack([start for start, _ in legal]),
            "may_follow": torch.stack([follow for _, follow in legal]),
            "length": torch.tensor([task.length for task in tasks])[:, None, None],
        }
        for name, value in known.items():
            self.register_buffer(name, value, persistent=False)
        some = any(task.crf for task in tasks)
        self.start = nn.Parameter(torch.zeros(*self.each, widest)) if some else None
        self.follow = nn.Parameter(torch.zeros(*self.each, widest, widest)) if some else None

    @staticmethod
    def outputs(classes: int) -> int:
        return classes

    def product(self, x: Tensor, only: slice = slice(None)) -> Tensor:
        """Tokens [1 or task, token, member, width] → [task, token, member, tag], of these tasks only."""
        return super().product(x, only).masked_fill(self.beyond[only], -torch.inf)

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Logits [task, batch, length, member, tag], targets int64 [task, batch, longest] → [task, batch, member]; 0 for a row
        without tags."""
        targets = functional.pad(targets, (0, logits.shape[2] - targets.shape[2]))  # a batch's longest row may have no label
        there = targets > 0
        scores = logits.masked_fill(~there[..., None, None], 0)
        if not self.chained.any():
            return self._of_tokens(scores, targets) / self.length
        start, follow = self._chain(logits.shape[3], self.chained)
        likelihood = log_likelihood(scores.movedim(3, 1), targets.unsqueeze(1), start.to(scores), follow.to(scores))
        return -likelihood.movedim(1, -1) / self.length

    def judged(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Wrong tags of the best legal ones, and a little of the loss: a chain that learns train by heart is ever more certain of
        ever fewer mistakes, so that its likelihood is at its best long before its tags are."""
        loss = super().judged(logits, targets)
        targets = functional.pad(targets, (0, logits.shape[2] - targets.shape[2]))
        wrong = (self.decode(logits) != targets) & (targets > 0)
        return wrong.sum(2) / self.length.squeeze(-1) + LITTLE * loss

    @staticmethod
    def _of_tokens(scores: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy of each token, summed over a row's."""
        at = (targets - 1).clamp(min=0)[..., None, None].expand(*scores.shape[:-1], 1)
        each = torch.logsumexp(scores, -1) - scores.gather(-1, at).squeeze(-1)
        return (each * (targets > 0).unsqueeze(-1)).sum(2)

    def _chain(self, members: int, legal: Tensor) -> tuple[Tensor, Tensor]:
        """Scores of beginnings [task, member or 1, tag] and moves [task, member or 1, tag, tag]; −inf where a task for which
        `legal` [task] is true may not have them. Of several members' pooled scores the mean, as `pooled` makes of emissions."""
        may = self.may_start.unsqueeze(1), self.may_follow.unsqueeze(1)
        if self.start is None or self.follow is None:
            scores = [torch.zeros_like(one, dtype=self.weight.dtype) for one in may]
        else:
            scores = [one if len(self.each) == 2 else one.unsqueeze(1) for one in (self.start, self.follow)]
            scores = [one.mean(1, keepdim=True) if members == 1 else one for one in scores]
            scores = [torch.where(_like(self.chained, one), one, 0) for one in scores]
        start, follow = (one.masked_fill(~of & _like(legal, of), -torch.inf) for one, of in zip(scores, may, strict=True))
        return start, follow

    def imitation(self, logits: Tensor, soft: Tensor) -> Tensor:
        """Nothing: it is not taught (`taught`)."""
        return logits.new_zeros(*logits.shape[:2], logits.shape[3])

    def predictions(self, logits: Tensor) -> Tensor:
        """Logits [task, batch, length, member, tag] → each token's probabilities by its own scores alone."""
        return functional.softmax(logits, -1)

    def decode(self, logits: Tensor) -> Tensor:
        """Logits [task, batch, length, member, tag] → the best legal tags, int64 [task, batch, length], from 1, 0 behind a row's
        end."""
        there = logits[:, :, :, 0, 0] > -torch.inf
        pooled = self.pooled(logits) if logits.shape[3] > 1 else logits
        start, follow = self._chain(1, torch.ones_like(self.chained))
        scores = pooled.squeeze(3).masked_fill(~there.unsqueeze(-1), 0)
        return best_tags(scores, there, start.squeeze(1).to(scores), follow.squeeze(1).to(scores))

    def pooled(self, logits: Tensor) -> Tensor:
        """Of a chain the mean of scores: the geometric mean of the members' distributions, which is a chain again. Else the
        logarithm of the mean probability of each token's tags."""
        gone = logits[:, :, :, :1] == -torch.inf
        scores = logits.masked_fill(gone, 0)
        each = functional.log_softmax(scores.masked_fill(self.beyond.unsqueeze(1), -torch.inf), -1)
        free = torch.logsumexp(each.masked_fill(gone, 0), 3, keepdim=True)
        chain = scores.mean(3, keepdim=True)
        return torch.where(_like(self.chained, chain), chain, free).masked_fill(gone, -torch.inf)

    def usual(self, times: Tensor, rows: int, task: int) -> Tensor:
        """The logarithms of the tags' shares."""
        counts = times.to(self.weight.dtype)
        shares = torch.log((counts + 1e-6) / counts.sum().clamp(min=1))
        return shares.masked_fill(self.beyond[task].flatten(), -torch.inf)


def _like(of_task: Tensor, x: Tensor) -> Tensor:
    """[task] as it broadcasts against x [task, …]."""
    return of_task.view(-1, *[1] * (x.dim() - 1))


def legal_moves(tags: int, spans: bool) -> tuple[Tensor, Tensor]:
    """Which tags may begin a row, bool [tag], and which may follow which, bool [tag, tag].

    Where tags are `spans`, they are O, then B and I of each type: I comes after B or I of its type alone.
    """
    if not spans:
        return torch.ones(tags, dtype=torch.bool), torch.ones(tags, tags, dtype=torch.bool)
    number = torch.arange(tags)
    inside = (number > 0) & (number % 2 == 0)
    same = ((number + 1) // 2).unsqueeze(1) == ((number + 1) // 2).unsqueeze(0)
    return ~inside, ~inside | same
