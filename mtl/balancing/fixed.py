"""fixed: the sum of losses, each times the λ that the spec gives its task (`weight`)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mtl.balancing.base import Balanced, Scalarization


class Fixed(Scalarization):
    """Weights as written; with every λ = 1 it is `equal`."""

    lambdas: Tensor

    def __init__(self, tasks: Sequence[Balanced]) -> None:
        super().__init__(tasks)
        self.register_buffer("lambdas", torch.tensor([task.weight for task in tasks]), persistent=False)

    def total(self, losses: Tensor, present: Tensor) -> Tensor:
        return (losses * self.lambdas).sum()

    def weights(self) -> Tensor:
        return self.lambdas
