"""The penalty of a run: Σ over regularizers of λ · Σ over pieces of Ω, its gradient added to every step's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mtl.network import Network
from mtl.spec import Regularizers
from mtl.training.regularizers.base import Regularizer, Stack, stacks


@dataclass(frozen=True)
class Penalty:
    """What a step adds; nothing where the spec asks for nothing or tasks own nothing of the same kind.

    It is a matter between tasks and no task's loss: balancing does not weigh it, and it goes on where a batch has no
    label of a task. Tasks that have stopped and left no longer pull.
    """

    asked: Sequence[tuple[float, type[Regularizer]]]
    pieces: Sequence[Stack]

    @classmethod
    def of(cls, network: Network, asked: Regularizers, table: Mapping[str, type[Regularizer]]) -> Penalty:
        wanted = [(weight, table[name]) for name, weight in asked.lambdas.items()]
        return cls(wanted, stacks(network) if wanted else [])

    @torch.no_grad()
    def add(self) -> None:
        """Add λ ∂Ω to the gradient of everything tasks own."""
        for piece in self.pieces:
            stack = piece.read()
            for weight, regularizer in self.asked:
                piece.add(weight * regularizer.gradient(stack))

    @torch.no_grad()
    def value(self) -> Tensor:
        """λ Ω as it is now."""
        found = torch.zeros(())
        for piece in self.pieces:
            for weight, regularizer in self.asked:
                found = found + weight * regularizer.value(piece.read()).cpu()
        return found
