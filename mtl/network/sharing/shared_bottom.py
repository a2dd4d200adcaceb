"""shared_bottom (Caruana 1997): one network for all tasks up to their heads."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from mtl.network.plan import Plan
from mtl.network.sharing.base import Shared, Sharing
from mtl.network.sharing.branch import Branch
from mtl.spec import Model


class SharedBottom(Sharing):
    """One copy; it runs once for each group of tasks that see the same inputs."""

    def __init__(self, plan: Plan, model: Model) -> None:
        super().__init__(plan, model)
        self.shared = Branch(plan, model, 1, plan.groups)

    def forward(self, inputs: Mapping[str, Mapping[str, Tensor]]) -> Shared:
        """Seen [group, batch, member, width], which is also where gradients meet."""
        seen: Tensor = self.shared(inputs)
        return Shared(seen, seen)

    def view(self, plan: Plan) -> list[int]:
        return [plan.groups.index(task.inputs) for task in plan.tasks]
