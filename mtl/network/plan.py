"""What the network must know of the encodings: sizes of inputs, and which task sees what. Nothing of files or tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from mtl.network.input_encodings import Encoding, input_plan
from mtl.network.input_plans import InputPlan


@dataclass(frozen=True)
class TaskPlan:
    """One task: its kind, its number of classes or levels (what its head gives; 1 where it is one number), the inputs it sees,
    and what its loss must know."""

    name: str
    kind: str
    classes: int
    inputs: frozenset[str]
    weight: float = 1.0
    of: str = ""
    """The spec's task it was made of, where that is not of the same name."""
    levels: tuple[float, ...] = ()
    """quantile: the levels, rising; one of them is 0.5."""
    distribution: str = "poisson"
    """count: `poisson` or `negative_binomial`."""
    dispersion: float = 1.0
    """count: what a Poisson deviance is divided by."""
    class_weights: tuple[float, ...] = ()
    """Of classes: what a row of each class counts in the loss; empty where all count the same."""
    focal: float = 0.0
    """γ of the focal loss; 0 is cross-entropy."""
    tags: str = ""
    """tagging: the input whose tokens it tags."""
    spans: bool = False
    """tagging: whether tags are O, then B and I of each type, and only such sequences count in which a span begins with B."""
    crf: bool = False
    """tagging: whether a tag's neighbours have a say in it."""
    length: float = 1.0
    """tagging: tokens of a row of train, in the mean."""
    identities: int = 0
    """retrieval: how many its catalogue holds."""
    temperature: float = 1.0
    """retrieval: what similarities are divided by."""

    @property
    def answers(self) -> int:
        """How many numbers one prediction has."""
        return self.identities or self.classes


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

    @property
    def tagged(self) -> tuple[str, ...]:
        """Inputs whose tokens tasks tag, in order of first use."""
        return tuple(dict.fromkeys(task.tags for task in self.tasks if task.tags))

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
    def classes(self) -> Sequence[str]: ...
    @property
    def inputs(self) -> Sequence[str]: ...
    @property
    def weight(self) -> float: ...
    @property
    def levels(self) -> tuple[float, ...]: ...
    @property
    def distribution(self) -> str: ...
    @property
    def dispersion(self) -> float: ...
    @property
    def class_weights(self) -> tuple[float, ...]: ...
    @property
    def focal(self) -> float: ...
    @property
    def tags(self) -> str: ...
    @property
    def spans(self) -> bool: ...
    @property
    def crf(self) -> bool: ...
    @property
    def length(self) -> float: ...
    @property
    def size(self) -> int: ...
    @property
    def temperature(self) -> float: ...


class Encoded(Protocol):
    """All encodings (`mtl.data.encodings.Encodings` is one)."""

    @property
    def inputs(self) -> Mapping[str, Encoding]: ...
    @property
    def tasks(self) -> Sequence[Target]: ...


def plan_of(encodings: Encoded) -> Plan:
    """The plan of these encodings."""
    inputs = tuple(input_plan(name, one) for name, one in encodings.inputs.items())
    tasks = tuple(_task_plan(task) for task in encodings.tasks)
    widest = {kind: max(t.classes for t in tasks if t.kind == kind) for kind in dict.fromkeys(t.kind for t in tasks)}
    return Plan(inputs, tasks, tuple(widest.items()))


def _task_plan(task: Target) -> TaskPlan:
    outputs = 2 if task.distribution == "negative_binomial" else len(task.classes) if task.tags else max(1, len(task.parts))
    outputs = task.size or outputs
    return TaskPlan(
        task.name, task.kind, outputs, frozenset(task.inputs), task.weight, task.of, task.levels, task.distribution,
        task.dispersion, task.class_weights, task.focal, task.tags, task.spans, task.crf, task.length,
        len(task.parts) if task.size else 0, task.temperature,
    )  # fmt: skip
