"""What every balancing offers: from losses to gradients."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn

Part = list[int] | slice
"""Places of the tasks of one unit."""


@dataclass(frozen=True)
class Balanced:
    """What a balancing must know of one task: its weight in the spec and whether it predicts classes or a number."""

    weight: float
    of_classes: bool


@dataclass(frozen=True)
class Readings:
    """How heads read the representation: each task's logits are linear in it, and its loss is a function of them alone.

    By kind of head: `logits` [task of that kind, batch, member, out] and `slopes`, their derivative, [task, width, out] or
    [task, member, width, out]; `views` says where in the representation's first dimension each of these tasks reads.
    """

    logits: Sequence[Tensor]
    slopes: Sequence[Tensor]
    views: Sequence[Sequence[int]]
    order: Tensor
    """int64 [task]: where a task stands among the tasks kind by kind."""
    place: Tensor
    """int64 [task]: the reverse."""
    together: Tensor | None
    """bool [task, task]: which tasks read the same part of the representation; None: all do."""


@dataclass(frozen=True)
class Trace:
    """One linear layer of shared parameters in this step: z = x W + b, run once.

    x [any, batch, member, inputs], z [any, batch, member, outputs], weight [1, inputs, outputs], bias [1, outputs]; y, of
    the shape of z, is what an elementwise function makes of it, where nothing else reads z.
    """

    x: Tensor
    z: Tensor
    weight: nn.Parameter
    bias: nn.Parameter
    y: Tensor | None = None


@dataclass(frozen=True)
class Meeting:
    """Where the tasks' gradients meet: shared parameters, and the shared activations they act through, if there are any.

    `last` are the weights of the last shared layer. `own` are the parameters that belong to one task each; `readings` are
    given where heads read the representation itself.
    Where gradients at the parameters will be asked for, there are `traces`, or, where each task has rows of its own,
    `copies`: the shared parameters as each task used them, [task, …] each. `chain` are those of the traces that lead to the
    representation: the first one's y is the representation, each other's the x of the one before, and nothing else reads it.
    """

    parameters: Sequence[nn.Parameter]
    representation: Tensor | None
    own: Sequence[nn.Parameter] = ()
    readings: Readings | None = None
    traces: Sequence[Trace] = ()
    copies: Sequence[Tensor] = ()
    last: Sequence[nn.Parameter] = ()
    chain: Sequence[Trace] = ()

    def only(self, parameters: Sequence[nn.Parameter]) -> Meeting:
        """The same for gradients of these of the shared parameters alone."""
        chosen = {id(parameter) for parameter in parameters}
        copies = [copy for parameter, copy in zip(self.parameters, self.copies, strict=False) if id(parameter) in chosen]
        kept = [parameter for parameter in self.parameters if id(parameter) in chosen]
        return replace(self, parameters=kept, own=(), copies=copies)


class Balancing(nn.Module, ABC):
    """Turns the losses of one step into gradients.

    What it learns along with the network are its parameters; what it carries from step to step are persistent buffers.
    """

    looks_back: ClassVar[bool] = False
    """Whether it wants to know, after each step, what the step did to the losses (`after_step`)."""

    def __init__(self, tasks: Sequence[Balanced]) -> None:
        super().__init__()

    @property
    def traces(self) -> bool:
        """Whether it asks for gradients at the parameters, which go faster where linear layers are traced."""
        return False

    def meet(self, at: str, units: Sequence[Sequence[int]] = ()) -> None:
        """Told once where the tasks' gradients are to meet, at the `representation` or at the `parameters`, and which tasks
        share with each other and with nobody else; no units: all do."""

    def start_epoch(self, epoch: int) -> None:
        """Told before the first step of each epoch; epochs count from 1."""

    @abstractmethod
    def backward(self, losses: Tensor, present: Tensor, meeting: Meeting) -> None:
        """Add gradients to every parameter behind `losses` [task]; `present` [task] is false where the batch has no
        label of a task, which then has no say at all (its loss is 0)."""

    def after_step(self, losses: Tensor, present: Tensor) -> None:
        """losses [task] of the same batch after the step; only where `looks_back`."""

    def weights(self) -> Tensor | None:
        """[task]: the weights of now, for the record; None where there is no such thing."""
        return None


class OnGradients(Balancing):
    """A balancing that compares the tasks' gradients `at` the representation or the parameters, each `every` steps.

    Each epoch begins with a comparison, so that which step has its turn does not hang on where a run goes on.
    """

    def __init__(self, tasks: Sequence[Balanced], at: str, every: int) -> None:
        super().__init__(tasks)
        self.at, self.every, self._step = at, every, 0
        self.units: Sequence[Sequence[int]] = [range(len(tasks))]

    @property
    def traces(self) -> bool:
        return self.at == "parameters"

    def meet(self, at: str, units: Sequence[Sequence[int]] = ()) -> None:
        self.at, self.units = at, units or self.units

    def start_epoch(self, epoch: int) -> None:
        self._step = 0

    def _turn(self) -> bool:
        """Whether this step compares; asked once a step."""
        self._step += 1
        return (self._step - 1) % self.every == 0


class Scalarization(Balancing):
    """A balancing by one weighted sum; gradients follow from it."""

    @abstractmethod
    def total(self, losses: Tensor, present: Tensor) -> Tensor:
        """losses [task], present bool [task] → the one loss to descend on."""

    def backward(self, losses: Tensor, present: Tensor, meeting: Meeting) -> None:
        self.total(losses, present).backward()  # type: ignore[no-untyped-call]  # torch leaves Tensor.backward untyped


class Coupled(Scalarization):
    """A weighted sum in which a task's weight hangs on other tasks: on those of its own unit (a group of `model.groups`)
    and no others, with whom it shares no parameter. What the papers say of all tasks holds of each unit's."""

    def __init__(self, tasks: Sequence[Balanced]) -> None:
        super().__init__(tasks)
        self.parts: list[Part] = [slice(None)]

    def meet(self, at: str, units: Sequence[Sequence[int]] = ()) -> None:
        self.parts = parts_of(units)

    def sums(self, x: Tensor) -> Tensor:
        """x [task] → its sum over each unit, [unit]."""
        return torch.stack([x[part].sum() for part in self.parts])

    def shares(self, logits: Tensor, present: Tensor) -> Tensor:
        """logits [task] → their softmax over the tasks present of each unit, [task]; 0 for a task that is absent."""
        found = torch.zeros_like(logits)
        for part in self.parts:
            there = torch.softmax(logits[part].masked_fill(~present[part], -torch.inf), 0)
            found[part] = torch.where(present[part], there, 0)
        return found


def parts_of(units: Sequence[Sequence[int]]) -> list[Part]:
    """The units' places to take by index; where there is one unit only, or none was told, all tasks at no cost."""
    return [list(unit) for unit in units] if len(units) > 1 else [slice(None)]


Maker = Callable[..., Balancing]
"""(tasks, **options) → a balancing; one on gradients takes `at` and `every` too."""
