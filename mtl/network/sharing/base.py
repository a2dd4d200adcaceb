"""What every sharing offers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn

from mtl.network.plan import Plan
from mtl.spec import Model


class Sharing(nn.Module):
    """All inputs → a representation for each task."""

    own_rows: ClassVar[bool] = False
    """Whether each task runs its own rows through its own copy, so that rows without its label cost it nothing."""

    own_stop: ClassVar[bool] = False
    """Whether tasks share nothing, so that each may stop at its own best epoch and leave."""

    private: ClassVar[tuple[str, ...]] = ()
    """Beginnings of the names of parameters whose first dimension is the task."""

    def __init__(self, plan: Plan, model: Model) -> None:
        super().__init__()

    def forward(self, inputs: Mapping[str, Mapping[str, Tensor]]) -> Tensor:
        """Tensors [task or 1, batch, …] of each input → [task or group of tasks, batch, member, width]."""
        raise NotImplementedError

    def view(self, plan: Plan) -> list[int]:
        """For each task, its place in the first dimension of `forward`'s result."""
        return list(range(len(plan.tasks)))

    def gates(self) -> Tensor | None:
        """[task, layer]: share of the shared part in what a task reads; None where nothing is mixed."""
        return None
