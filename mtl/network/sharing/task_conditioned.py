"""task_conditioned: one trunk for all tasks, each of its layers modulated by the task's own embedding.

FiLM (Perez, Strub, de Vries, Dumoulin & Courville 2018, arXiv:1709.07871, eq. 1 and 2), with the task as the condition:
h ← γ ⊙ h + β after each layer, (γ, β) a linear map of the task's learned embedding e_t. As there, the map gives γ − 1,
so that 0 means "as it is"; it begins at 0, so that the network begins as `shared_bottom` of the same weights. Their
ablation has FiLM before and after the activation alike; here it is after.

The embedding is the task's encoding: the only part of the body that belongs to the task, and all that a new task needs
beside a head.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mtl.network.plan import Plan
from mtl.network.sharing.base import Shared, Sharing
from mtl.network.sharing.branch import Branch
from mtl.spec import Model


class TaskConditioned(Sharing):
    """One copy. Its first layer runs once a group of tasks with the same inputs; what follows, once a task.

    Gradients meet nowhere but at the parameters: from the first modulation on each task has activations of its own, and
    before it there are only some of the parameters.
    """

    private = ("embedding",)

    def __init__(self, plan: Plan, model: Model) -> None:
        super().__init__(plan, model)
        self.shared = Branch(plan, model, 1, plan.groups)
        size = int(model.option("embedding"))
        self.embedding = nn.Parameter(torch.randn(len(plan.tasks), size) / math.sqrt(size))
        self.film = nn.Linear(size, model.depth * 2 * model.width, bias=False)
        nn.init.zeros_(self.film.weight)
        self._group = [plan.groups.index(task.inputs) for task in plan.tasks]
        self._shape = (len(plan.tasks), model.depth, 2, 1, 1, model.width)

    def forward(self, inputs: Mapping[str, Mapping[str, Tensor]]) -> Shared:
        """Seen [task, batch, member, width]."""
        film = self.film(self.embedding).view(self._shape)
        first, *rest = self.shared
        x: Tensor = first(inputs)
        x = x if len(x) == 1 else x[self._group]
        x = torch.addcmul(film[:, 0, 1], x, 1 + film[:, 0, 0])
        for place, layer in enumerate(rest, 1):
            x = torch.addcmul(film[:, place, 1], layer(x), 1 + film[:, place, 0])
        return Shared(x, None)
