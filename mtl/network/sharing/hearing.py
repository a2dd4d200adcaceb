"""Who may hear whom: where tasks exchange what they found, a task hears only those that see no input hidden from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from mtl.network.plan import Plan


class Circle(NamedTuple):
    """Tasks that see the same inputs, and all tasks they may hear: those that see none but these. Places in the plan."""

    hearers: list[int]
    heard: list[int]


def circles(plan: Plan) -> list[Circle]:
    """One circle for each set of inputs. What a task hears was heard, in turn, from tasks that saw even less."""
    tasks = list(enumerate(plan.tasks))
    return [
        Circle([t for t, task in tasks if task.inputs == group], [t for t, task in tasks if task.inputs <= group])
        for group in plan.groups
    ]


def pick(x: Tensor, places: Sequence[int], dim: int = 0) -> Tensor:
    """Rows `places` of x along `dim`; x itself where these are all its rows.

    Rows that may not be heard are never multiplied by 0: what a task does not hear may be NaN, and 0 · NaN is NaN.
    """
    everything = list(places) == list(range(x.shape[dim]))
    return x if everything else x.index_select(dim, torch.tensor(places, device=x.device))


def in_order(parts: Sequence[Tensor], among: Sequence[Circle], dim: int = 0) -> Tensor:
    """One part [its hearers, …] for each circle → [task, …], with tasks along `dim`."""
    if len(parts) == 1:
        return parts[0]
    place = [task for circle in among for task in circle.hearers]
    return pick(torch.cat(list(parts), dim), [place.index(task) for task in range(len(place))], dim)
