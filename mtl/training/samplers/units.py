"""Units of tasks: what there is to choose between when rows are sampled.

Two tasks with labels on a common row are in one unit, and so are those that a third one joins to them. A row then belongs to
one unit, and no choice between units splits what a row teaches. Tasks of different entities are never in one unit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse.csgraph import connected_components
from torch import Tensor


@dataclass(frozen=True)
class Unit:
    """Places of its tasks, rising; its rows, int64 [rows], rising, on the CPU."""

    tasks: tuple[int, ...]
    rows: Tensor


def units_of(mask: Tensor) -> list[Unit]:
    """The units of a split, in the order of their first tasks; mask [task, rows] is 1 where labelled. Tasks without any label
    are in none."""
    mask = mask.cpu()
    count, of_task = connected_components((mask.float() @ mask.float().T).numpy() > 0, directed=False)
    members = [np.flatnonzero(of_task == unit).tolist() for unit in range(count)]
    found = [Unit(tuple(tasks), mask[tasks].any(0).nonzero().flatten()) for tasks in members]
    return sorted((unit for unit in found if len(unit.rows)), key=lambda unit: unit.tasks)
