"""What is seen of the tasks' relatedness along a run: sums on the device, read once at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

Matrix = list[list[float | None]]
DIGITS = 6
"""Decimals that are kept."""


@dataclass(frozen=True)
class Relatedness:
    """Means over the measured steps. Matrices are [task, task] in the order of `tasks`; None: the two never meet.

    cosine, conflicts: of two tasks' gradients, its mean and the share of steps in which it was below 0. norms: mean norm of
    a task's gradient where the gradients meet (`at`: parameters or representation). affinity[i][j]: Z of i onto j, by how
    much a step on task i alone lowers the loss of task j (Fifty et al. 2021), from `points` batches.
    """

    tasks: list[str]
    at: str
    steps: int
    points: int
    cosine: Matrix
    conflicts: Matrix
    norms: list[float | None]
    affinity: Matrix

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Tracker:
    """Adds up Gramians and affinities of a run with `units` of tasks that share nothing with each other."""

    def __init__(self, tasks: int, units: Sequence[Sequence[int]], at: str, device: torch.device) -> None:
        self.at, self.units = at, [list(unit) for unit in units]
        of_pairs, of_each = ("cosine", "conflicts", "pairs", "affinity", "ahead"), ("norm", "seen")
        shapes = {**dict.fromkeys(of_pairs, (tasks, tasks)), **dict.fromkeys(of_each, (tasks,))}
        self._sums = {name: torch.zeros(shape, dtype=torch.float64, device=device) for name, shape in shapes.items()}
        self._counts = {"steps": 0, "points": 0, "spent": 0, "last": 0}

    def add(self, gramian: Tensor, present: Tensor, active: Sequence[int]) -> None:
        """One step's Gramian [t, t] of the tasks `active` (of all tasks), of which `present` [t] have a label in the batch.

        Nothing is read back from the device.
        """
        norm = gramian.diagonal().double().clamp(min=0).sqrt()
        there = present & (norm > 0) & norm.isfinite()
        pair = there[:, None] & there
        cosine = torch.where(pair, gramian.double() / (norm[:, None] * norm), 0.0).clamp(-1, 1)
        self._add(active, cosine=cosine, conflicts=(cosine < 0) & pair, pairs=pair)
        self._add(active, norm=torch.where(there, norm, 0.0), seen=there)
        self._counts["steps"] += 1

    def add_affinity(self, found: Tensor, active: Sequence[int]) -> None:
        """One batch's affinities [t, t] of the tasks `active`, NaN where a task was not in the batch."""
        known = found.isfinite()
        self._add(active, affinity=torch.where(known, found, 0.0), ahead=known)
        self._counts["points"] += 1

    def _add(self, active: Sequence[int], **terms: Tensor) -> None:
        for name, term in terms.items():
            total = self._sums[name]
            if len(active) == len(total):
                total += term
                continue
            at = torch.tensor(list(active), device=total.device)
            total[(at[:, None], at) if term.dim() == 2 else at] += term

    @property
    def points(self) -> int:
        return self._counts["points"]

    def allows(self, steps: int, cost: int, share: float) -> int:
        """How many looks ahead of `cost` steps each may be taken after `steps` steps, if all may take `share` of the run.

        0 before twice as many steps as at the last one, so that they spread over the run as it slows down.
        """
        if steps < 2 * self._counts["last"]:
            return 0
        return int((share * steps - self._counts["spent"]) // cost)

    def spend(self, steps: int, cost: int) -> None:
        """Note that a look ahead of `cost` steps was taken after `steps` steps."""
        self._counts["spent"] += cost
        self._counts["last"] = steps

    def state(self) -> dict[str, Tensor]:
        """All there is, for a checkpoint."""
        return self._sums | {name: torch.tensor(count) for name, count in self._counts.items()}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """The reverse of `state`."""
        for name, total in self._sums.items():
            total.copy_(state[name])
        self._counts = {name: int(state[name]) for name in self._counts}

    def result(self, tasks: Sequence[str]) -> Relatedness:
        """The means, of pairs that share anything."""
        sums = {name: total.cpu() for name, total in self._sums.items()}
        meets = torch.zeros(len(tasks), len(tasks), dtype=torch.bool)
        for unit in self.units:
            meets[torch.tensor(unit)[:, None], torch.tensor(unit)] = True
        return Relatedness(
            list(tasks), self.at, self._counts["steps"], self._counts["points"],
            cosine=_mean(sums["cosine"], sums["pairs"] * meets), conflicts=_mean(sums["conflicts"], sums["pairs"] * meets),
            norms=_mean(sums["norm"], sums["seen"]), affinity=_mean(sums["affinity"], sums["ahead"] * meets),
        )  # fmt: skip


def _mean(total: Tensor, count: Tensor) -> Any:
    """Nested lists of total ÷ count, None where the count is 0."""
    if total.dim() == 2:
        return [_mean(row, of) for row, of in zip(total, count, strict=True)]
    return [round(float(t / n), DIGITS) + 0.0 if n else None for t, n in zip(total, count, strict=True)]
