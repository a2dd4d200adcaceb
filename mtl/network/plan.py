"""What the network must know of the encodings: sizes of inputs, and which task sees what. Nothing of files or tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from mtl.network.input_plans import Encoding, InputPlan, input_plan


@dataclass(frozen=True)
class TaskPlan:
    """One task: its kind, its number of classes (1 for regression and binary), the inputs it sees."""

    name: str
    kind: str
    classes: int
    inputs: frozenset[str]
    weight: float = 1.0
    of: str = ""
    """The spec's task it was made of, where that is not of the same name."""


@dataclass(frozen=True)
class Plan:
    """All inputs and tasks; `widest` keeps each kind's largest class count, also after tasks have left."""

    inputs: tuple[InputPlan, ...]
    tasks: tuple[TaskPlan, ...]
    widest: tuple[tuple[str, int], ...]

    @property
    def kinds(self) -> dict[str, list[int]]:
        """Kind -> positions of its tasks, in order."""
        found: dict[str, list[int]] = {}
        for position, task in enumerate(self.tasks):
            found.setdefault(task.kind, []).append(position)
        return found

    @property
    def groups(self) -> tuple[frozenset[str], ...]:
        """The different sets of inputs that tasks see, in order of first use."""
        return tuple(dict.fromkeys(task.inputs for task in self.tasks))

    def sees(self, viewers: Sequence[frozenset[str]]) -> list[list[bool]]:
        """[viewer, input]: whether the viewer (a task or a group of tasks) sees the input."""
        return [[one.name in viewer for one in self.inputs] for viewer in viewers]

    def trunks(self, groups: Sequence[Sequence[str]] | None) -> list[int]:
        """For each task the number of its trunk, from 0, in order of first use.

        `groups` names tasks that share a trunk, by their own names or by the spec's task they were made of; the own name
        goes before. Tasks that no group names share one trunk; a name that is no task here counts for nothing.
        """
        home = {name: place for place, group in enumerate(groups or ()) for name in group}
        homes = [home.get(task.name, home.get(task.of, -1)) for task in self.tasks]
        order = list(dict.fromkeys(homes))
        return [order.index(one) for one in homes]

    def only(self, tasks: Sequence[int]) -> Plan:
        """The plan of some of the tasks, all sizes as before."""
        return replace(self, tasks=tuple(self.tasks[t] for t in tasks))


class Target(Protocol):
    """A task's encoding, as far as the network is concerned."""

    @property
    def name(self) -> str: ...
    @property
    def of(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def parts(self) -> Sequence[str]: ...
    @property
    def inputs(self) -> Sequence[str]: ...
    @property
    def weight(self) -> float: ...


class Encoded(Protocol):
    """All encodings (`mtl.data.encodings.Encodings` is one)."""

    @property
    def inputs(self) -> Mapping[str, Encoding]: ...
    @property
    def tasks(self) -> Sequence[Target]: ...


def plan_of(encodings: Encoded) -> Plan:
    """The plan of these encodings."""
    inputs = tuple(input_plan(name, one) for name, one in encodings.inputs.items())
    tasks = tuple(TaskPlan(t.name, t.kind, max(1, len(t.parts)), frozenset(t.inputs), t.weight, t.of) for t in encodings.tasks)
    widest = {kind: max(t.classes for t in tasks if t.kind == kind) for kind in dict.fromkeys(t.kind for t in tasks)}
    return Plan(inputs, tasks, tuple(widest.items()))
