"""What every sharing offers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, NamedTuple

from torch import Tensor, nn

from mtl.network.plan import Plan
from mtl.spec import Model


class Shared(NamedTuple):
    """What a sharing makes of the inputs."""

    seen: Tensor
    """[task or group of tasks, batch, member, width]: what the heads read."""
    meeting: Tensor | None
    """The shared activations through which every task acts on all shared parameters: the representation of a shared
    trunk, the experts' outputs of a mixture, [any, batch, member, width]. None where there is no such cut: gradients
    then meet at the parameters only."""


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

    def forward(self, inputs: Mapping[str, Mapping[str, Tensor]]) -> Shared:
        """Tensors [task or 1, batch, …] of each input → a representation for each task or group of tasks."""
        raise NotImplementedError

    def view(self, plan: Plan) -> list[int]:
        """For each task, its place in the first dimension of what `forward` lets heads see."""
        return list(range(len(plan.tasks)))

    def gates(self) -> Tensor | None:
        """[task, layer]: share of the shared part in what a task reads; None where nothing is mixed."""
        return None
