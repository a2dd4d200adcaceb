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
    """As many rows as there are, one a batch at least, shared out; but no row twice in a batch, since that says nothing new."""
    each, before = _draws(asked.sizes, shares, asked.count), asked.epoch - 1
    return asked.dealt([asked.rows(u, before * n, (before + 1) * n) for u, n in enumerate(each)], asked.count)


def _draws(sizes: Tensor, shares: Tensor, count: int) -> list[int]:
    """Rows that an epoch of `count` batches has of each unit: what one cannot take falls to the others.

    At most all of its rows in every batch. A few less would be too many, since the order of its rows is shuffled anew each time
    all have come: with draws that begin and end within such a pass, a row may come once more than there are batches.
    """
    whole, nearly, total = sizes * count, sizes * (count - 1) + 1, sizes.sum().clamp(min=count)
    found, free = torch.zeros_like(sizes), torch.ones_like(sizes, dtype=torch.bool)
    while True:
        left, fair = (total - found.sum()).clamp(min=0), torch.zeros_like(sizes)
        fair[free] = shares[free] / shares[free].sum() * left
        over = fair.round() > nearly
        if not over.any():
            break
        found[over] = torch.where(2 * fair > whole + nearly, whole, nearly)[over]
        free &= ~over
    found[free] = fair[free].round().clamp(min=1)
    short = max(0, count - int(found.sum()))  # rounded off
    found[torch.argsort(fair - found, descending=True, stable=True)[:short]] += 1
    return found.long().tolist()
