"""Learning rates over a run: a function of the epoch alone, so that a run that was cut short goes on with the right one."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from mtl.spec import Training


def _constant(done: float) -> float:
    return 1.0


def _cosine(done: float) -> float:
    """From 1 to 0 along half a wave (Loshchilov & Hutter 2017, arXiv:1608.03983, equation 5, without restarts)."""
    return (1 + math.cos(math.pi * done)) / 2


SCHEDULES: dict[str, Callable[[float], float]] = {"constant": _constant, "cosine": _cosine}
"""Name → share of the epochs that are done → share of the full rate."""


def share_of_rate(training: Training, epoch: int) -> float:
    """Of the full learning rate, in this epoch (from 1)."""
    return SCHEDULES[training.schedule]((epoch - 1) / training.max_epochs)


def set_rates(optimizer: torch.optim.Optimizer, training: Training, epoch: int) -> None:
    """Give every group of parameters its rate in this epoch (from 1)."""
    for group in optimizer.param_groups:
        group["lr"] = group["full_lr"] * share_of_rate(training, epoch)
