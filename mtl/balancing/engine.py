"""The engine of balancing on gradients: the Gramian of the tasks' gradients, weights from it, one update.

The shared parameters get Σ wᵢgᵢ; what belongs to one task (its head, its private part) gets that task's own gradient,
unweighted: a weight there would only scale a task's step.

`at: parameters` is exact: gᵢ is task i's gradient over all shared parameters. `at: representation` is the cheaper update
of Sener & Koltun 2018 (arXiv:1810.04650, their upper bound, section 3.2): gᵢ is its gradient at the shared activations,
and the trunk is passed once. It sees how tasks pull only on rows where they have labels together (`mtl.balancing.place`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from mtl.balancing.base import Balanced, Meeting, OnGradients
from mtl.balancing.gradients import Apart, Grads, add, grad, gramian_of_readings, representation, take_apart, weighted
from mtl.balancing.rows import at_meeting, at_parameters
from mtl.balancing.weighting import Weighting


def gramian(losses: Tensor, present: Tensor, meeting: Meeting, at: str) -> Tensor:
    """[task, task] float64: inner products of the tasks' gradients at the `representation` or at the shared `parameters`.

    losses [task]; rows and columns of tasks that are not present [task] are 0. The graph stays as it is.
    """
    return _pull(losses, present, meeting, at, take_apart(losses, replace(meeting, own=())))[0].double()


class Aggregation(OnGradients):
    """A gradient method: `weighting` weighs the tasks from their Gramian `at` the representation or the parameters.

    Groups of tasks that share nothing with each other are weighed apart. Between two weighings the weights stay. A task
    that was absent then counts, until the next, as much as the others of its group do in the mean.
    """

    last: Tensor

    def __init__(self, tasks: Sequence[Balanced], weighting: Weighting, at: str = "parameters", every: int = 1) -> None:
        super().__init__(tasks, at, every)
        self.weighting = weighting
        self.register_buffer("last", torch.ones(len(tasks)))

    def backward(self, losses: Tensor, present: Tensor, meeting: Meeting) -> None:
        apart = take_apart(losses, meeting)
        add(meeting.own, apart.own)
        if not self._turn():
            add(meeting.parameters, _of_weighted_losses(losses, meeting, apart, self.last))
            return
        found, update = _pull(losses, present, meeting, self.at, apart)
        self._weigh(found, present)
        add(meeting.parameters, update(self.last))

    @torch.no_grad()
    def _weigh(self, found: Tensor, present: Tensor) -> None:
        """The Gramian of all tasks → `last`; rows of absent tasks never reach the weighting."""
        for unit in self.units:
            tasks = torch.tensor(unit, device=present.device)
            there = tasks[present[tasks]]
            if len(there):
                weights = self.weighting(found[there][:, there], there).to(self.last)
                self.last[tasks] = weights.mean()
                self.last[there] = weights

    def weights(self) -> Tensor:
        return self.last


def on_gradients(weighting: type[Weighting]) -> Callable[..., Aggregation]:
    """An entry of the table of balancings for this weighting, which takes the method's options by keyword."""
    return partial(_aggregation, weighting)


def _aggregation(
    weighting: type[Weighting], tasks: Sequence[Balanced], *, at: str = "parameters", every: int = 1, **options: float
) -> Aggregation:
    return Aggregation(tasks, weighting(len(tasks), **options), at, every)


Update = Callable[[Tensor], Grads]
"""weights [task] → gradients of the shared parameters."""


def _pull(losses: Tensor, present: Tensor, meeting: Meeting, at: str, apart: Apart) -> tuple[Tensor, Update]:
    """How tasks pull on what they share: their Gramian, of the type it was made in (which tells the weighting what of it
    is rounding), and what weights make of their gradients."""
    if at == "representation" and meeting.readings is not None:
        found = gramian_of_readings(apart.at_logits, meeting.readings)
        return found, partial(_of_weighted_losses, losses, meeting, apart)
    rows = at_parameters(losses, present, meeting, apart) if at == "parameters" else at_meeting(losses, present, meeting)
    found = rows @ rows.T
    return found, partial(_of_rows, rows, meeting, at)


def _of_weighted_losses(losses: Tensor, meeting: Meeting, apart: Apart, weights: Tensor) -> Grads:
    """One pass from the weighted losses to the shared parameters, from the logits on where that pass has begun."""
    if meeting.readings is None:
        return grad([losses], meeting.parameters, [weights.to(losses.dtype)])
    return grad(meeting.readings.logits, meeting.parameters, weighted(apart.at_logits, meeting.readings, weights))


def _of_rows(rows: Tensor, meeting: Meeting, at: str, weights: Tensor) -> Grads:
    """The same from the tasks' gradients [task, …] as they are."""
    joint = weights.to(rows.dtype) @ rows
    if at == "parameters":
        parts = torch.split(joint, [parameter.numel() for parameter in meeting.parameters])
        return [part.view_as(parameter) for part, parameter in zip(parts, meeting.parameters, strict=True)]
    shared = representation(meeting)
    return grad([shared], meeting.parameters, [joint.view_as(shared).to(shared.dtype)])
