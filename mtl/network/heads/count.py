"""count: the logarithm of the mean, and of negative binomial tasks that of the dispersion α: variance = mean + α · mean².

Poisson: the unit deviance 2 (y ln(y / mean) − y + mean), at least 0 and 0 only where the mean is the label, divided by what the
best constant has of it on train (the dispersion of a quasi-Poisson, McCullagh & Nelder 1989, chapter 9): the best constant's
loss is then 1, as it is of regression, however large the counts are. Negative binomial: minus the logarithm of the label's
probability (NB2, Cameron & Trivedi 2013, section 3.3). Its deviance would do to fit the mean, yet falls to 0 as α grows, so that
α could not be learned from it; a label's probability is below 1, so this loss is above 0 too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from mtl.network.heads.base import Head
from mtl.network.plan import TaskPlan

LARGEST = 20.0
"""Largest logarithm of a mean, so that no prediction overflows: counts of half a billion."""
WIDEST = 10.0
"""Largest logarithm of a dispersion, and of one over it: beyond, a negative binomial is a Poisson."""
LEAST = 1e-6
"""Mean of labels that are all 0."""
HALVINGS = 60


class Count(Head):
    """The mean of a whole number ≥ 0. Logits: ln mean; in a second column ln α, which Poisson tasks do not read."""

    of_classes: ClassVar[bool] = False
    dispersion: Tensor
    negative: Tensor

    def __init__(self, tasks: Sequence[TaskPlan], width: int, widest: int, members: int = 1) -> None:
        super().__init__(tasks, width, widest, members)
        self.register_buffer("dispersion", torch.tensor([task.dispersion for task in tasks])[:, None, None], persistent=False)
        negative = torch.tensor([task.distribution == "negative_binomial" for task in tasks])
        self.register_buffer("negative", negative[:, None, None], persistent=False)
        self.learns_dispersion = bool(negative.any())

    @staticmethod
    def outputs(classes: int) -> int:
        return classes

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        y, log_mean = targets.unsqueeze(-1), _log_mean(logits)
        found = deviance(y, log_mean) / self.dispersion
        if not self.learns_dispersion:
            return found
        return torch.where(self.negative, surprise(y, log_mean, _log_alpha(logits)), found)

    def imitation(self, logits: Tensor, soft: Tensor) -> Tensor:
        """How far the mean is from the teacher's: the Poisson loss with a mean as its label; of negative binomials the
        divergence of two of the same α, which learns from labels alone: a teacher's means have none of their scatter."""
        mean, log_mean = soft[..., :1], _log_mean(logits)
        found = deviance(mean, log_mean) / self.dispersion
        if not self.learns_dispersion:
            return found
        return torch.where(self.negative, divergence(mean, log_mean, _log_alpha(logits).detach()), found)

    def predictions(self, logits: Tensor) -> Tensor:
        return _log_mean(logits).exp()

    def told(self, logits: Tensor) -> Tensor:
        return _log_mean(logits)

    def pooled(self, logits: Tensor) -> Tensor:
        """The mean of the members' means; α such that the variance is that of their mixture."""
        log_mean = _log_mean(logits)
        log_members = math.log(logits.shape[2])
        mean = torch.logsumexp(log_mean, 2) - log_members
        if logits.shape[-1] == 1:
            return mean[..., None, None]
        square = torch.log1p(_log_alpha(logits).exp()) + 2 * log_mean  # the mean of y² − y is (1 + α) · mean²
        above = (torch.logsumexp(square, 2) - log_members - 2 * mean).clamp(min=LEAST)
        return torch.stack([mean, torch.log(torch.expm1(above))], -1).unsqueeze(2)

    @torch.no_grad()
    def start_at(self, constants: Tensor) -> None:
        """At the constants as they are: the logarithm of a large mean is no extreme."""
        self.bias.copy_(self.for_each(constants))

    def constant(self, targets: Tensor, task: int) -> Tensor:
        log_mean = targets.mean().clamp(min=LEAST).log()
        log_alpha = _fitted_alpha(targets) if bool(self.negative[task]) else torch.zeros_like(log_mean)
        return torch.stack([log_mean, log_alpha.to(log_mean)])[: self.bias.shape[-1]]


def _log_mean(logits: Tensor) -> Tensor:
    return logits[..., 0].clamp(max=LARGEST)


def _log_alpha(logits: Tensor) -> Tensor:
    return logits[..., 1].clamp(-WIDEST, WIDEST)


def deviance(y: Tensor, log_mean: Tensor) -> Tensor:
    """Poisson's unit deviance of labels (or means) y ≥ 0, in a form that loses no digits where y is large and well met."""
    positive = y > 0
    known = torch.where(positive, y, 1.0)
    apart = known.log() - log_mean
    return torch.where(positive, 2 * known * (apart + torch.expm1(-apart)), 2 * log_mean.exp())


def surprise(y: Tensor, log_mean: Tensor, log_alpha: Tensor) -> Tensor:
    """−ln of a negative binomial's probability of y; summed in float64, where logarithms of factorials cancel."""
    y, odds, r = y.double(), (log_mean + log_alpha).double(), (-log_alpha.double()).exp()
    ways = torch.lgamma(y + 1) + torch.lgamma(r) - torch.lgamma(y + r)
    return (ways + r * functional.softplus(odds) + y * functional.softplus(-odds)).to(log_mean.dtype)


def divergence(mean: Tensor, log_mean: Tensor, log_alpha: Tensor) -> Tensor:
    """Kullback and Leibler's, of two negative binomials of one α: from one with `mean` to one of exp(log_mean)."""
    wide, odds, r = mean.double(), (log_mean + log_alpha).double(), (-log_alpha.double()).exp()
    theirs = wide.clamp(min=LEAST).log() + log_alpha.double()
    of_odds = functional.softplus(odds) - functional.softplus(theirs)
    return (r * of_odds + wide * (functional.softplus(-odds) - functional.softplus(-theirs))).to(log_mean.dtype)


def _fitted_alpha(y: Tensor) -> Tensor:
    """ln α of the likeliest negative binomial whose mean is that of y [n]; the least where y scatters no more than Poisson.

    In r = 1 / α the likelihood has one maximum, if the variance is above the mean (Levin & Reeds 1977, Annals of Statistics 5,
    79–87), and where its slope changes sign halving finds it.
    """
    values, times = torch.unique(y.double(), return_counts=True)
    mean = y.double().mean().clamp(min=LEAST)
    low, high = mean.new_tensor(-WIDEST), mean.new_tensor(WIDEST)  # of ln r
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        r = middle.exp()
        slope = (times * (torch.digamma(values + r) - torch.digamma(r))).sum() - len(y) * torch.log1p(mean / r)
        low, high = torch.where(slope > 0, middle, low), torch.where(slope > 0, high, middle)
    return -(low + high) / 2
