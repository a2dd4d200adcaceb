"""The decision, as `reports/choice.json` holds it and as the stage `train` follows it. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from mtl.data.encodings import Encodings
from mtl.spec import Spec

Groups = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Choice:
    """What will be trained, and how that was found out.

    asked: `model.sharing` of the spec. groups: of a shared bottom, every task in one of them; None: all share one trunk.
    weights: task → λ; empty: as the spec says. alternatives, affinity, cosine, tasks, budget: empty if nothing was tried.
    """

    asked: str
    sharing: str
    groups: Groups | None = None
    weights: dict[str, float] = field(default_factory=dict)
    why: str = ""
    tasks: tuple[str, ...] = ()
    budget: dict[str, int] = field(default_factory=dict)
    alternatives: tuple[dict[str, Any], ...] = ()
    relatedness: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Choice:
        """From the mapping that `as_json` gave."""
        groups = data["groups"]
        listed = {"tasks": tuple(data["tasks"]), "alternatives": tuple(data["alternatives"])}
        return cls(**{**data, **listed, "groups": None if groups is None else tuple(tuple(group) for group in groups)})

    def applied(self, spec: Spec, encodings: Encodings) -> tuple[Spec, Encodings]:
        """The spec and the encodings that this choice trains; both as they are where the spec asked for no choice."""
        if self.asked != "auto":
            return spec, encodings
        model = spec.model.model_copy(update={"sharing": self.sharing, "groups": self.groups})
        training = spec.training.model_copy(update={"balancing": "fixed"}) if self.weights else spec.training
        spec = spec.model_copy(update={"model": model, "training": training})
        return spec, weighted(encodings, self.weights)


def asked_for(spec: Spec) -> Choice:
    """The choice where the spec says it all."""
    return Choice(spec.model.sharing, spec.model.sharing, spec.model.groups, why="as the spec says")


def heavier(weights: Mapping[str, float]) -> list[str]:
    """The tasks that weigh more than the middle one."""
    middle = sorted(weights.values())[(len(weights) - 1) // 2] if weights else 0.0
    return [name for name, weight in weights.items() if weight > middle]


def weighted(encodings: Encodings, weights: Mapping[str, float]) -> Encodings:
    """The same encodings with other λ for some tasks."""
    return replace(encodings, tasks=tuple(replace(t, weight=weights.get(t.name, t.weight)) for t in encodings.tasks))


def of_tasks(encodings: Encodings, names: Sequence[str]) -> Encodings:
    """The same encodings with some of the tasks."""
    return replace(encodings, tasks=tuple(task for task in encodings.tasks if task.name in names))
