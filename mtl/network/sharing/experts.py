"""Mixtures of experts: shared experts and experts of each task's own, in one or more levels, mixed by a gate a task.

What `mmoe`, `cgc`, `ple` and `dselect_k` have in common; they differ in how many experts there are, and in the gate.

Depth. An expert begins at the inputs, with encoders of its own, as in the papers: the `depth` hidden layers of the model
lie in the experts, split over the levels (the earlier ones get what is left over). So every way from an input to a head
passes `depth` hidden layers, and one shared expert without own ones is `shared_bottom`.

Sight. A shared expert runs once for each group of tasks that see the same inputs, and a task reads it as it ran for its
own group. A task's own experts run on what this task sees; between levels they reach the shared part of a group only if
the group may see all that they saw.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mtl.network.layers import StackedLinear, hidden
from mtl.network.plan import Plan
from mtl.network.sharing.base import Shared, Sharing
from mtl.network.sharing.branch import Branch
from mtl.network.sharing.gates import Crossed, CrossedLinearSight, Inputs, LinearSight, Softmax
from mtl.spec import Model
from mtl.spec.options import SHARING_OPTIONS, options_of


class Experts(nn.ModuleList):
    """`count` shared experts of one level, side by side in one product a layer."""

    def __init__(self, plan: Plan, model: Model, level: int, count: int) -> None:
        begin = Crossed(plan, model, count, plan.groups) if level == 0 else hidden(count, model.width, model)
        super().__init__([begin, *(hidden(count, model.width, model) for _ in range(model.depth - 1))])
        self.groups = len(plan.groups)

    def forward(self, x: Inputs | Tensor) -> Tensor:
        """Inputs, or [group, batch, member, width] → [expert, group, batch, member, width]."""
        found = _all_groups(x)
        for layer in self:
            found = layer(found)
        assert isinstance(found, Tensor)
        return torch.unflatten(found, 1, (self.groups, -1))


class OwnExperts(nn.ModuleList):
    """`count` experts of each task; the first dimension of every parameter is the task."""

    def __init__(self, plan: Plan, model: Model, level: int, count: int) -> None:
        tasks = [task.inputs for task in plan.tasks]

        def expert() -> nn.Module:
            if level == 0:
                return Branch(plan, model, len(tasks), tasks)
            return nn.Sequential(*(hidden(len(tasks), model.width, model) for _ in range(model.depth)))

        super().__init__([expert() for _ in range(count)])

    def forward(self, x: Inputs | Tensor) -> list[Tensor]:
        """Inputs, or [task, batch, member, width] → for each expert [task, batch, member, width]."""
        return [expert(x) for expert in self]


LEAST = {"experts": 1, "own_experts": 0, "levels": 1}
"""What a sharing has that does not take an option."""


class Mixture(Sharing):
    """Extraction levels (Tang 2020, fig. 4 and 5) over `experts` shared experts and `own_experts` a task."""

    private = ("own.", "gate.")
    stacked = ("own_before.", "gate_before.", "between_own.")
    mixing = ("gate.", "gate_before.", "between_own.")

    def __init__(self, plan: Plan, model: Model) -> None:
        super().__init__(plan, model)
        options = options_of(model.sharing, model.options, SHARING_OPTIONS)
        shared, own, levels = (int(options.get(key, least)) for key, least in LEAST.items())
        split = [model.model_copy(update={"depth": model.depth // levels + (j < model.depth % levels)}) for j in range(levels)]
        last, before = levels - 1, range(levels - 1)
        self.counts = (own, shared)
        self.experts = nn.ModuleList(Experts(plan, split[j], j, shared) for j in range(levels))
        self.own_before = nn.ModuleList(OwnExperts(plan, split[j], j, own) for j in before)
        self.own = OwnExperts(plan, split[last], last, own)
        self.gate_before = nn.ModuleList(self.gate_of(plan, model, j, own + shared) for j in before)
        self.gate = self.gate_of(plan, model, last, own + shared)
        self.between = nn.ModuleList(_of_shared(plan, model, j, shared) for j in before)
        self.between_own = nn.ModuleList(_of_own(plan, model, j, own) for j in before if own)
        self._tasks = [[t for t, task in enumerate(plan.tasks) if task.inputs == group] for group in plan.groups]
        self._visible = [[t for t, task in enumerate(plan.tasks) if task.inputs <= group] for group in plan.groups]

    def gate_of(self, plan: Plan, model: Model, level: int, experts: int) -> nn.Module:
        """The gate of a level: what the level reads → weights [task, batch or 1, member or 1, expert], and a penalty."""
        return Softmax(plan, model, level, experts)

    def forward(self, inputs: Inputs) -> Shared:
        """Seen [task, batch, member, width]. Gradients meet at the last level's shared experts, [expert · group, …], and
        below it at what the last level's private parts (gates, own experts) read, [task, …]: no shared parameter has
        another way to a head."""
        return self._mixed(inputs)[0]

    @torch.no_grad()
    def gates(self, inputs: Inputs | None = None) -> Tensor | None:
        """[task, expert]: mean weight over these rows of each expert of the last level, the task's own ones first."""
        return None if inputs is None else self._mixed(inputs)[1].float().mean((1, 2))

    def gate_names(self) -> list[str]:
        own, shared = self.counts
        return [f"own expert {i + 1}" for i in range(own)] + [f"expert {i + 1}" for i in range(shared)]

    def _mixed(self, inputs: Inputs) -> tuple[Shared, Tensor]:
        """What forward returns, and the weights [task, batch or 1, member or 1, expert] of the last level."""
        by_task: Inputs | Tensor = inputs
        by_group: Inputs | Tensor = inputs
        for level, (own_experts, gate) in enumerate(zip(self.own_before, self.gate_before, strict=True)):
            shared, own = self.experts[level](by_group), own_experts(by_task)
            weights, _ = gate(by_task)
            by_task, by_group = self._for_tasks(weights, shared, own), self._for_groups(level, by_group, shared, own)
        shared = self.experts[-1](by_group)
        meeting = shared.flatten(0, 1)
        if isinstance(by_task, Tensor):
            meeting = torch.cat([meeting, by_task])
            shared, by_task = meeting[: -len(by_task)].view_as(shared), meeting[-len(by_task) :]
        else:
            shared = meeting.view_as(shared)
        weights, penalty = self.gate(by_task)
        return Shared(self._for_tasks(weights, shared, self.own(by_task)), meeting, penalty), weights

    def _for_tasks(self, weights: Tensor, shared: Tensor, own: Sequence[Tensor]) -> Tensor:
        """Each task's own experts and the shared ones of its group, weighted → [task, batch, member, width]."""
        parts: dict[int, Tensor] = {}
        for group, tasks in enumerate(self._tasks):
            mixed = torch.einsum("tbme,ebmw->tbmw", weights[tasks, ..., len(own) :], shared[:, group])
            parts |= dict(zip(tasks, mixed, strict=True))
        found = torch.stack([parts[t] for t in range(len(parts))]) if len(self._tasks) > 1 else mixed
        for i, each in enumerate(own):
            found = found + weights[..., i, None] * each
        return found

    def _for_groups(self, level: int, x: Inputs | Tensor, shared: Tensor, own: Sequence[Tensor]) -> Tensor:
        """All experts of a level that a group may see, weighted by the shared part's gate → [group, batch, member, width].

        The gate (Tang 2020, 4.2) reads what the shared experts read; its scores of own experts belong to their tasks.
        """
        of_shared = self.between[level](x)
        of_own = torch.unflatten(self.between_own[level](_all_groups(x)), 1, (len(self._visible), -1)) if own else None
        parts = []
        for group, visible in enumerate(self._visible):
            found, scored = shared[:, group], of_shared[group]
            if of_own is not None:
                found = torch.cat([found, *(each[visible] for each in own)])
                scored = torch.cat([scored, *of_own[visible, group].movedim(-1, 0).movedim(1, -1)], -1)
            parts.append(torch.einsum("bme,ebmw->bmw", torch.softmax(scored, -1), found))
        return torch.stack(parts)


def _all_groups(x: Inputs | Tensor) -> Inputs | Tensor:
    """[group, batch, …] → [1, group · batch, …], so that every copy runs on all groups; inputs stay as they are."""
    return x.flatten(0, 1).unsqueeze(0) if isinstance(x, Tensor) else x


def _of_shared(plan: Plan, model: Model, level: int, experts: int) -> nn.Module:
    """Scores [group, batch, member or 1, expert] of the shared experts for the shared part of the next level."""
    return LinearSight(plan, model, 1, plan.groups, experts) if level == 0 else StackedLinear(1, model.width, experts)


def _of_own(plan: Plan, model: Model, level: int, own: int) -> nn.Module:
    """The same of each task's own experts: [task, group · batch, member or 1, own]."""
    tasks = len(plan.tasks)
    return CrossedLinearSight(plan, model, tasks, plan.groups, own) if level == 0 else StackedLinear(tasks, model.width, own)
