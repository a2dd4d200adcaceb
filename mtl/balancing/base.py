"""What every balancing offers: from losses to gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True)
class Balanced:
    """What a balancing must know of one task: its weight in the spec and whether it predicts classes or a number."""

    weight: float
    of_classes: bool


@dataclass(frozen=True)
class Meeting:
    """Where the tasks' gradients meet: shared parameters, and the shared activations they act through, if there are any."""

    parameters: Sequence[nn.Parameter]
    representation: Tensor | None


class Balancing(nn.Module):
    """Turns the losses of one step into gradients. What it learns itself are its parameters, trained along."""

    def __init__(self, tasks: Sequence[Balanced]) -> None:
        super().__init__()

    def backward(self, losses: Tensor, present: Tensor, meeting: Meeting) -> None:
        """Add gradients to every parameter behind `losses` [task]; `present` [task] is false where the batch has no
        label of a task, which then has no say at all (its loss is 0)."""
        raise NotImplementedError

    def weights(self) -> Tensor | None:
        """[task]: the weights of now, for the record; None where there is no such thing."""
        return None


class Scalarization(Balancing):
    """A balancing by one weighted sum; gradients follow from it."""

    def total(self, losses: Tensor, present: Tensor) -> Tensor:
        """losses [task], present bool [task] → the one loss to descend on."""
        raise NotImplementedError

    def backward(self, losses: Tensor, present: Tensor, meeting: Meeting) -> None:
        self.total(losses, present).backward()  # type: ignore[no-untyped-call]  # torch leaves Tensor.backward untyped
