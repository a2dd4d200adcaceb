"""What one part of the spec says of another: every name that is mentioned must exist."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from mtl.spec.options import MEETING, ON_GRADIENTS
from mtl.spec.schema import Spec


class LinkError(ValueError):
    """A name that is mentioned at `key` and does not exist."""

    def __init__(self, key: tuple[str, ...], expected: str, found: str, do: str = "") -> None:
        self.key, self.expected, self.found, self.do = key, expected, found, do
        super().__init__(f"{'.'.join(key)}: expected {expected}; found {found}")


def nearest(name: str, known: Iterable[str]) -> str:
    """`did you mean …`, or what there is."""
    names = list(known)
    close = get_close_matches(name, names, n=1, cutoff=0.6)
    return f"write {close[0]!r}" if close else f"write one of {', '.join(names[:20]) or '(there is none)'}"


def check_links(spec: Spec) -> None:
    """Raise LinkError at the first name that leads nowhere."""
    _need(bool(spec.entities), ("entities",), "at least one entity with its key", "none")
    _need(bool(spec.sources), ("sources",), "at least one source", "none")
    _need(bool(spec.inputs), ("inputs",), "at least one input", "none")
    _need(bool(spec.tasks), ("tasks",), "at least one task", "none")
    for name, source in spec.sources.items():
        if source.entity:
            _known(source.entity, spec.entities, ("sources", name, "entity"), "an entity")
        else:
            _need(
                len(spec.entities) == 1, ("sources", name, "entity"), "the name of its entity, since there are several", "nothing"
            )
    for name, one in spec.inputs.items():
        _known(one.source, spec.sources, ("inputs", name, "source"), "a source")
    for name, task in spec.tasks.items():
        _known(task.source, spec.sources, ("tasks", name, "source"), "a source")
        for wanted in task.inputs or ():
            _known(wanted, spec.inputs, ("tasks", name, "inputs"), "an input")
        _check_sight(spec, name)
    _check_groups(spec)
    _check_balancing(spec)
    _need(
        spec.training.distillation is None or spec.model.sharing != "separate",
        ("training", "distillation"), "a sharing in which tasks can learn from teachers of their own",
        "sharing: separate, whose networks would teach themselves", "remove it, or change model.sharing",
    )  # fmt: skip
    if not any(task.for_each for task in spec.tasks.values()):  # those are named by the data
        for name in spec.gate.floors:
            _known(name, spec.tasks, ("gate", "floors", name), "a task")


def _check_sight(spec: Spec, name: str) -> None:
    task = spec.tasks[name]
    entity = spec.entity_of(task.source)
    for wanted in task.inputs or ():
        theirs = spec.entity_of(spec.inputs[wanted].source)
        _need(theirs == entity, ("tasks", name, "inputs"), f"inputs of the entity {entity!r}", f"{wanted!r} of {theirs!r}")
    _need(bool(spec.inputs_of(name)), ("tasks", name, "inputs"), f"an input of the entity {entity!r}", "a task without inputs")
    for of in spec.inputs_of(name):
        one = spec.inputs[of]
        same = one.source == task.source and task.column in one.names
        place = ("columns", task.column) if one.kind == "tabular" else ("column",)
        _need(
            not same, ("inputs", of, *place), f"no input that is the target of task {name!r}", "the target itself",
            "remove it from the inputs",
        )  # fmt: skip


def _check_balancing(spec: Spec) -> None:
    """Balancing on gradients needs a part that tasks share, and at the representation one that they share as activations."""
    training, sharing = spec.training, spec.model.sharing
    if training.balancing not in ON_GRADIENTS:
        return
    _need(
        sharing != "separate", ("training", "balancing"), f"tasks that share something, for {training.balancing} to balance",
        "model.sharing: separate", "write balancing: equal, or another model.sharing",
    )  # fmt: skip
    without = [name for name in spec.model.tried if name not in MEETING]
    where = "model.auto.also" if sharing == "auto" else "model.sharing"
    _need(
        training.at != "representation" or not without, ("training", "at"),
        f"a sharing with shared activations ({', '.join(MEETING)})", f"{where}: {', '.join(without)}",
        "write at: auto, or at: parameters",
    )  # fmt: skip


def _check_groups(spec: Spec) -> None:
    """A group names tasks of the spec, or those that `for_each` makes of one (task, underscore, value)."""
    made = tuple(f"{name}_" for name, task in spec.tasks.items() if task.for_each)
    for name in (name for group in spec.model.groups or () for name in group):
        if not name.startswith(made):
            _known(name, spec.tasks, ("model", "groups"), "a task")


def _known(name: str, known: Iterable[str], key: tuple[str, ...], what: str) -> None:
    names = list(known)
    if name not in names:
        raise LinkError(key, f"the name of {what}", repr(name), nearest(name, names))


def _need(holds: bool, key: tuple[str, ...], expected: str, found: str, do: str = "change this line") -> None:
    if not holds:
        raise LinkError(key, expected, found, do)
