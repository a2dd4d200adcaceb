"""Losses in which rare classes are not lost among frequent ones: class weights, and the focal loss.

With p the probability given to the true class c, a row's loss is  −w_c (1 − p)^γ ln p:  eq. 5 of Lin et al. 2017
(arXiv:1708.02002), α_t there being w_c here; γ = 0 is the weighted cross-entropy, w_c = 1 its eq. 4. Rows that are easy count
less the larger γ. Either way the minimum is no longer at the classes' true shares: predictions rank rows, and are not calibrated.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from mtl.network.plan import TaskPlan

HALVINGS = 30
ROUNDS, PARTS = 6, 32
SMALLEST = -40.0
"""Least logit of a class's best share, and least logarithm of a slope that is tried."""


def asked(tasks: Sequence[TaskPlan]) -> list[bool]:
    """Which of the tasks have a loss of their own; the others keep theirs to the last bit."""
    return [bool(task.class_weights or task.focal) for task in tasks]


def weights_of(tasks: Sequence[TaskPlan], classes: int) -> Tensor | None:
    """[task, class] of tasks that weigh their classes, 1 elsewhere; None where none does."""
    if not any(task.class_weights for task in tasks):
        return None
    found = torch.ones(len(tasks), classes)
    for row, task in zip(found, tasks, strict=True):
        row[: len(task.class_weights)] = torch.tensor(task.class_weights)
    return found


def gammas_of(tasks: Sequence[TaskPlan]) -> Tensor | None:
    """γ [task, 1, 1], 0 of tasks without focal loss; None where none has it."""
    return torch.tensor([task.focal for task in tasks])[:, None, None] if any(task.focal for task in tasks) else None


def of_rows(weights: Tensor, targets: Tensor) -> Tensor:
    """Weights [task, class] and class numbers [task, batch] → [task, batch, 1]."""
    return weights.gather(1, targets.long()).unsqueeze(-1)


def best_shares(mass: Tensor, gamma: float) -> Tensor:
    """The probabilities [class] that minimise Σ −mass_c (1 − p_c)^γ ln p_c and sum to 1; `mass` [class] is Σ of weights.

    Each summand is convex in p_c, so at the minimum all have one slope −λ. Shares fall as λ rises: the λ at which they sum to 1
    is narrowed down, and for each λ, since slopes fall as shares rise, the shares by halving.
    """
    if not gamma:
        return mass / mass.sum()
    wide = mass.double()
    low, high = wide.new_tensor(SMALLEST), wide.sum().log() - SMALLEST
    for _ in range(ROUNDS):
        tried = low + (high - low) * torch.linspace(0, 1, PARTS + 1, dtype=wide.dtype, device=wide.device)
        first = int((_shares(wide, gamma, tried[:, None]).sum(-1) > 1).sum().clamp(1, PARTS))
        low, high = tried[first - 1], tried[first]
    found = _shares(wide, gamma, (low + high) / 2)
    return (found / found.sum()).to(mass.dtype)


def _shares(mass: Tensor, gamma: float, slope: Tensor) -> Tensor:
    """p_c [class], or [slope, class], at which mass_c (1 − p)^γ (−ln p) falls by exp(slope)."""
    low, high = (torch.full_like(mass + slope, end) for end in (SMALLEST, -SMALLEST))
    for _ in range(HALVINGS):
        middle = (low + high) / 2  # a logit
        log_p, log_q = logsigmoid(middle), logsigmoid(-middle)
        falls = mass.log() + gamma * log_q + torch.log(torch.exp(-log_p) - gamma * log_p * torch.exp(-log_q))
        low, high = torch.where(falls > slope, middle, low), torch.where(falls > slope, high, middle)
    return torch.sigmoid((low + high) / 2)
