"""Samplers by shares: each batch has rows of every unit, so many of each as its share says.

temperature: share ∝ n^(1/T) of n rows (Arivazhagan et al. 2019, "Massively Multilingual Neural Machine Translation in the
Wild", arXiv:1907.05019, section 3.1, where T = 5 is the middle between large languages and small ones). T = 1 gives the
shares that rows have by themselves, T → ∞ is `uniform`.
by_weight: share ∝ the mean `weight` of a unit's tasks: each task's labels come as often as its weight says, also where
several come together. Weights of 1 are `uniform`; a weight of 0 is refused by the spec.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mtl.training.samplers.base import Asked


def uniform(asked: Asked) -> list[Tensor]:
    """As many rows of each unit as of any other."""
    return _by_shares(asked, torch.ones_like(asked.sizes))


def temperature(asked: Asked) -> list[Tensor]:
    """∝ the number of rows to the power of 1 / T."""
    return _by_shares(asked, asked.sizes ** (1 / asked.temperature))


def by_weight(asked: Asked) -> list[Tensor]:
    """∝ the mean weight of the unit's tasks."""
    weights = torch.tensor(asked.weights, dtype=torch.float64)
    return _by_shares(asked, torch.stack([weights[list(unit.tasks)].mean() for unit in asked.units]))


def _by_shares(asked: Asked, shares: Tensor) -> list[Tensor]:
    """As many rows as there are, shared out; but of no unit more in a batch than it has, since a row that stands twice in a
    batch says nothing new."""
    fair = (shares / shares.sum() * asked.sizes.sum()).round().clamp(min=1)
    each = torch.minimum(fair, asked.sizes * asked.count).long().tolist()
    before = asked.epoch - 1
    return asked.dealt([asked.rows(u, before * n, (before + 1) * n) for u, n in enumerate(each)], asked.count)
