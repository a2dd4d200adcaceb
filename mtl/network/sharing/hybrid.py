"""hybrid: each task has a private network beside the shared one, mixed by a learned gate after every layer.

h_t ← g · shared(h_t) + (1 − g) · own_t(h_t), g = sigmoid of a number for each task and layer, after the encoder and
after every layer of the trunk. All gates at 1 are `shared_bottom`, all at 0 `separate`.
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

STEEPNESS = 8.0
"""Gate = sigmoid(STEEPNESS · parameter): a gate then moves as fast as its task needs at the weights' own learning rate."""

START = 0.9
"""Gates before the first step. NHANES, mean of R², AUC and κ on valid: .524 from 0.9, .517 from 0.5, where every task first
learns its private part by heart."""


class Hybrid(Sharing):
    """One shared copy and one for each task."""

    own_rows = True
    private = ("own.", "gate")
    mixing = ("gate",)

    def __init__(self, plan: Plan, model: Model) -> None:
        super().__init__(plan, model)
        viewers = [task.inputs for task in plan.tasks]
        self.shared = Branch(plan, model, 1, viewers)
        self.own = Branch(plan, model, len(viewers), viewers)
        self.gate = nn.Parameter(torch.zeros(len(viewers), model.depth))
        self.set_gates(START)

    def forward(self, inputs: Mapping[str, Mapping[str, Tensor]]) -> Shared:
        """Seen [task, batch, member, width]; gradients meet at the parameters, since each layer mixes anew."""
        gates = self.gates()
        x: Mapping[str, Mapping[str, Tensor]] | Tensor = inputs
        for layer, (shared, own) in enumerate(zip(self.shared, self.own, strict=True)):
            g = gates[:, layer, None, None, None]
            x = g * shared(x) + (1 - g) * own(x)
        assert isinstance(x, Tensor)
        return Shared(x, None)

    def gates(self, inputs: Mapping[str, Mapping[str, Tensor]] | None = None) -> Tensor:
        return torch.sigmoid(STEEPNESS * self.gate)

    @torch.no_grad()
    def set_gates(self, value: float) -> None:
        """All gates to `value`, 0 and 1 included."""
        self.gate.fill_(math.copysign(20.0, value - 0.5) if value in (0, 1) else math.log(value / (1 - value)) / STEEPNESS)
