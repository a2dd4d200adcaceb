"""shared_bottom (Caruana 1997): one network for all tasks up to their heads, or one for each group of tasks."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from mtl.network.plan import Plan
from mtl.network.sharing.base import Shared, Sharing
from mtl.network.sharing.branch import Branch
from mtl.spec import Model


class SharedBottom(Sharing):
    """One copy for each group of `model.groups`; it runs once for each set of inputs that tasks of its group see."""

    def __init__(self, plan: Plan, model: Model) -> None:
        super().__init__(plan, model)
        self.groups = model.groups
        sights = _sights(plan, model.groups)
        widest = max(len(sets) for sets in sights)
        viewers = [one for sets in sights for one in [*sets, *sets[:1] * (widest - len(sets))]]  # each copy serves as many
        self.shared = Branch(plan, model, len(sights), viewers)
        self.viewers = len(viewers)

    def forward(self, inputs: Mapping[str, Mapping[str, Tensor]]) -> Shared:
        """Seen [group × its sets of inputs, batch, member, width], which is also where gradients meet."""
        seen: Tensor = self.shared(inputs)
        seen = seen if len(seen) == self.viewers else seen.reshape(self.viewers, -1, *seen.shape[2:])
        return Shared(seen, seen)

    def view(self, plan: Plan) -> list[int]:
        sights = _sights(plan, self.groups)
        widest = max(len(sets) for sets in sights)
        trunks = plan.trunks(self.groups)
        return [trunk * widest + sights[trunk].index(task.inputs) for trunk, task in zip(trunks, plan.tasks, strict=True)]

    def units(self, plan: Plan) -> list[list[int]]:
        trunks = plan.trunks(self.groups)
        return [[t for t, one in enumerate(trunks) if one == trunk] for trunk in range(max(trunks) + 1)]


def _sights(plan: Plan, groups: tuple[tuple[str, ...], ...] | None) -> list[list[frozenset[str]]]:
    """Of each trunk: the different sets of inputs its tasks see, in order of first use."""
    found: list[list[frozenset[str]]] = []
    for trunk, task in zip(plan.trunks(groups), plan.tasks, strict=True):
        if trunk == len(found):
            found.append([])
        if task.inputs not in found[trunk]:
            found[trunk].append(task.inputs)
    return found
