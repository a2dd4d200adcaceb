"""Gates: how much of each expert a task reads. A gate returns weights [task, batch, member or 1, expert] that sum to 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mtl.network.layers import StackedLinear
from mtl.network.plan import Plan
from mtl.network.sharing.branch import Sight
from mtl.spec import Model

Inputs = Mapping[str, Mapping[str, Tensor]]


class Crossed(Sight):
    """Sight of every copy for every viewer: `forward` → [copies, viewer · batch, member, width].

    `Sight` itself pairs them, copy c with viewer c; experts are copies that each work for every group of tasks.
    """

    def _needed(self, i: int, name: str, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Every copy serves every viewer, so none may pass an input by."""
        return tensors

    def _shown(self, i: int, encoded: Tensor, present: Tensor | None) -> Tensor:
        viewers = len(self.sees)
        if present is None and self._sees_all[i]:
            return encoded.unsqueeze(1).expand(-1, viewers, -1, -1, -1).flatten(1, 2)
        shown = self.sees[:, i, None]
        shown = shown if present is None else shown & present
        absent = self.absent[:, None, None, None, i].to(encoded.dtype)
        return torch.where(shown[None, :, :, None, None], encoded.unsqueeze(1), absent).flatten(1, 2)


class LinearSight(nn.Module):
    """Wx + b of all inputs that a viewer may see, W and b of each copy; what it may not see adds a learned constant."""

    def __init__(self, plan: Plan, model: Model, copies: int, viewers: Sequence[frozenset[str]], outputs: int) -> None:
        super().__init__()
        narrow = model.model_copy(update={"width": outputs, "members": 1, "dropout": 0.0, "fusion": "mean"})
        self.sight = self._sight(plan, narrow, copies, viewers)
        encoders: Any = self.sight.encoders.values()
        for encoder in encoders:
            encoder.layer = encoder.layer.linear  # its linear map alone, without what makes it a hidden layer

    @staticmethod
    def _sight(plan: Plan, model: Model, copies: int, viewers: Sequence[frozenset[str]]) -> Sight:
        return Sight(plan, model, copies, viewers)

    def forward(self, inputs: Inputs) -> Tensor:
        """→ [viewer, batch, 1, outputs]."""
        found: Tensor = self.sight(inputs)
        return found


class CrossedLinearSight(LinearSight):
    """The same of every copy for every viewer: → [copies, viewer · batch, 1, outputs]."""

    @staticmethod
    def _sight(plan: Plan, model: Model, copies: int, viewers: Sequence[frozenset[str]]) -> Sight:
        return Crossed(plan, model, copies, viewers)


def scores(plan: Plan, model: Model, level: int, outputs: int) -> nn.Module:
    """Linear scores of each task: of the inputs it may see at the first level, of what it reads so far at later ones."""
    if level == 0:
        return LinearSight(plan, model, len(plan.tasks), [task.inputs for task in plan.tasks], outputs)
    return StackedLinear(len(plan.tasks), model.width, outputs)


class Softmax(nn.Module):
    """softmax(W x), the gate of MMoE (Ma 2018, section 4.2), CGC and PLE (Tang 2020, sections 4.1 and 4.2)."""

    def __init__(self, plan: Plan, model: Model, level: int, experts: int) -> None:
        super().__init__()
        self.scores = scores(plan, model, level, experts)

    def forward(self, x: Inputs | Tensor) -> tuple[Tensor, None]:
        """→ weights [task, batch, member or 1, expert], and no penalty."""
        return torch.softmax(self.scores(x), -1), None
