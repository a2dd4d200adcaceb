"""random: random loss weighting (Lin, Ye, Zhang & Tsang 2022, arXiv:2111.10603): each step, λ = softmax of normal numbers."""

from __future__ import annotations

import torch
from torch import Tensor

from mtl.balancing.base import Coupled


class RandomWeights(Coupled):
    """Drawn for all tasks, shared out among those present: their weights come to 1 (their eq. 3, N(0, I)), in each group of
    tasks that shares nothing with the others."""

    def total(self, losses: Tensor, present: Tensor) -> Tensor:
        drawn = torch.randn(len(losses), device=losses.device)
        return (losses * self.shares(drawn, present)).sum()
