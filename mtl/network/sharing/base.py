"""What every sharing offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
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
    penalty: Tensor | None = None
    """What the sharing itself wants small, a scalar: no task's loss, so added to the gradients without balancing, and of
    private parameters only."""


class Messages(NamedTuple):
    """What each task was told; its representation moves by `told @ into`."""

    told: Tensor
    """[task, batch, member, size]"""
    into: Tensor
    """[size, width]"""


class Sharing(nn.Module, ABC):
    """All inputs → a representation for each task."""

    own_rows: ClassVar[bool] = False
    """Whether each task runs its own rows through its own copy, so that rows without its label cost it nothing."""

    own_stop: ClassVar[bool] = False
    """Whether tasks share nothing, so that each may stop at its own best epoch and leave."""

    private: ClassVar[tuple[str, ...]] = ()
    """Beginnings of the names of parameters whose first dimension is the task, and that only its own loss moves."""

    stacked: ClassVar[tuple[str, ...]] = ()
    """Beginnings of the names of parameters whose first dimension is the task, though other tasks' losses move them too."""

    mixing: ClassVar[tuple[str, ...]] = ()
    """Beginnings of the names of those of both by which tasks mix what they share, or tell each other what they found: no
    part of what predicts a task, so that regularizers leave it alone."""

    entwined: ClassVar[bool] = False
    """Whether a task's prediction rests on what belongs to other tasks, so that no task can be taken out alone."""

    def __init__(self, plan: Plan, model: Model) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, inputs: Mapping[str, Mapping[str, Tensor]]) -> Shared:
        """Tensors [task or 1, batch, …] of each input → a representation for each task or group of tasks."""

    def view(self, plan: Plan) -> list[int]:
        """For each task, its place in the first dimension of what `forward` lets heads see."""
        return list(range(len(plan.tasks)))

    def units(self, plan: Plan) -> list[list[int]]:
        """Tasks that share with each other and with nobody else: each such unit stops at its own best epoch."""
        return [[t] for t in range(len(plan.tasks))] if self.own_stop else [list(range(len(plan.tasks)))]

    def gates(self, inputs: Mapping[str, Mapping[str, Tensor]] | None = None) -> Tensor | None:
        """[task, layer]: share of the shared part in what a task reads; of experts [task, expert]: mean weight over the
        rows of `inputs`. None where nothing is mixed, or where weights depend on rows and there are none."""
        return None

    def gate_names(self) -> list[str]:
        """What the columns of `gates` are, where they are no layers."""
        return []


class TwoGuesses(Sharing):
    """A sharing whose tasks tell each other what they found after the heads' first guess, for a second one."""

    first_weight: float = 1.0
    """What the first guess's loss counts beside the second's."""

    @abstractmethod
    def exchange(self, shared: Shared, guesses: Tensor) -> Messages:
        """After a first guess [task, batch, member, classes]: what moves the representation that heads read for the second.

        Guesses are as `Head.predictions` gives them, padded with 0 to the plan's largest number of classes.
        """
