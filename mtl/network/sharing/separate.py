"""separate: a whole network for each task, encoders included, trained side by side in one run."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from mtl.network.plan import Plan
from mtl.network.sharing.base import Shared, Sharing
from mtl.network.sharing.branch import Branch
from mtl.spec import Model


class Separate(Sharing):
    """As many copies as tasks: the single-task baseline."""

    own_rows = True
    own_stop = True
    private = ("own.",)

    def __init__(self, plan: Plan, model: Model) -> None:
        super().__init__(plan, model)
        self.own = Branch(plan, model, len(plan.tasks), [task.inputs for task in plan.tasks])

    def forward(self, inputs: Mapping[str, Mapping[str, Tensor]]) -> Shared:
        """Seen [task, batch, member, width]; gradients meet nowhere."""
        return Shared(self.own(inputs), None)
