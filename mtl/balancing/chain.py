"""The way back through layers that follow each other, by hand: what torch's own pass would do once a task, without what
is the same for all of them.

What comes of a layer's z is elementwise, so its slope is taken once for all tasks. A task's gradient is 0 on rows without
its label, so that it is carried on its own rows only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mtl.balancing.base import Meeting, Trace
from mtl.balancing.gradients import grad

MANY = 0.9
"""Share of the rows from which on a task's own are not taken out: that costs as much as the others'."""


@dataclass(frozen=True)
class Link:
    """One layer: x [row, inputs], the slope of what it makes of z [row, outputs], weight [inputs, outputs]."""

    x: Tensor
    slope: Tensor
    weight: Tensor


@dataclass(frozen=True)
class Pull:
    """Of one task: its gradient at the representation, [row, width]; `places` are these rows, None where it is all."""

    task: int
    places: Tensor | None
    gradient: Tensor


def links_of(chain: Sequence[Trace]) -> list[Link]:
    """The layers, the last one first."""
    found = []
    for trace in chain:
        assert trace.y is not None
        (slope,) = grad([trace.y], [trace.z], [torch.ones_like(trace.y)])
        assert slope is not None
        found.append(Link(trace.x.detach().flatten(0, -2), slope.flatten(0, -2), trace.weight.detach().squeeze(0)))
    return found


@torch.no_grad()
def pulls(at_logits: Sequence[Tensor], meeting: Meeting) -> Iterator[Pull]:
    """Each task's gradient at the representation, kind by kind, on the rows where it has any."""
    readings, shared = meeting.readings, meeting.representation
    assert readings is not None
    assert shared is not None
    place, rows = iter(readings.place.tolist()), shared[0].numel() // shared.shape[-1]
    for at_kind, slopes, views in zip(at_logits, readings.slopes, readings.views, strict=True):
        at_kind, slopes = at_kind.flatten(1, 2), slopes.detach().to(at_kind.dtype)
        for delta, moved, slope, view in zip(at_kind, (at_kind != 0).any(2), slopes, views, strict=True):
            places = moved.nonzero().squeeze(1)
            if len(shared) == 1 and len(places) > MANY * rows:
                yield Pull(next(place), None, _outer(delta, slope))
            else:
                at = places if view == 0 else places + view * rows
                yield Pull(next(place), at, _outer(delta.index_select(0, places), slope))


def _outer(delta: Tensor, slope: Tensor) -> Tensor:
    """[row, out] and [width, out] → [row, width]; a matrix product of inner size 1 takes ten times as long."""
    return delta * slope.squeeze(1) if delta.shape[1] == 1 else delta @ slope.T


@torch.no_grad()
def back(links: Sequence[Link], pull: Pull) -> Iterator[tuple[Tensor, Tensor]]:
    """For each layer, the last one first: its x and the task's gradient at its z, on the task's rows. `pull` is used up."""
    gradient, above = pull.gradient, None
    for link in links:
        if above is not None:
            gradient = gradient @ above.T
        x, slope = (one if pull.places is None else one.index_select(0, pull.places) for one in (link.x, link.slope))
        yield x, gradient.mul_(slope)
        above = link.weight


def below(links: Sequence[Link], pull: Pull, last: Tensor, x: Tensor) -> Tensor:
    """The gradient at x, what the first layer reads, of the shape of x; `last` is that at its z."""
    gradient = last @ links[-1].weight.T
    if pull.places is not None:
        gradient = gradient.new_zeros(len(links[-1].x), x.shape[-1]).index_copy_(0, pull.places, gradient)
    return gradient.view_as(x)
