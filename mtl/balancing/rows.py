"""Each task's gradient as one long row: [task, …], one pass a task.

At the parameters the pass only carries the task's gradient back through the activations: a layer that was traced then has
its parameters' gradients from one product xᵀδ, written to where it belongs. That is the least that an exact Gramian
takes, and four fifths of what torch's own pass to the parameters does. Where layers follow each other up to what heads
read (`Meeting.chain`), no pass of torch's is needed at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from mtl.balancing.base import Meeting, Trace
from mtl.balancing.chain import Pull, back, below, links_of, pulls
from mtl.balancing.gradients import Apart, Grads, at_representation, grad, representation


def at_meeting(losses: Tensor, present: Tensor, meeting: Meeting) -> Tensor:
    """[task, all of the representation]: each task's gradient there, from its loss."""
    shared = representation(meeting)
    rows = torch.zeros(len(losses), shared.numel(), device=shared.device, dtype=torch.promote_types(shared.dtype, torch.float32))
    for task in _there(present):
        (found,) = grad([losses[task]], [shared])
        if found is not None:
            rows[task] = found.flatten()
    return rows


def at_parameters(losses: Tensor, present: Tensor, meeting: Meeting, apart: Apart) -> Tensor:
    """[task, all shared parameters, in their order]: from the representation on where heads read it, else from the loss."""
    if meeting.copies:
        return _of_copies(losses, meeting)
    rows = _Rows(meeting, losses)
    there = set(_there(present))
    rows.all[[task for task in range(len(losses)) if task not in there]] = 0
    if rows.links:
        for pull in pulls(apart.at_logits, meeting):
            if pull.task in there:
                rows.write_carried(pull)
    else:
        for task, source, cotangent in _sources(losses, meeting, apart):
            if task in there:
                rows.write(task, source, cotangent)
    return rows.all


class _Rows:
    """`all` [task, all shared parameters], to be written a task at a time."""

    def __init__(self, meeting: Meeting, losses: Tensor) -> None:
        sizes = [parameter.numel() for parameter in meeting.parameters]
        self.all = losses.new_empty(len(losses), sum(sizes))
        self.parts = torch.split(self.all, sizes, 1)
        self.places = {id(p): i for i, p in enumerate(meeting.parameters)}
        traces = [t for t in meeting.traces if id(t.weight) in self.places and id(t.bias) in self.places]
        chained = {id(trace.weight) for trace in meeting.chain}
        by_hand = losses.device.type == "cpu" and chained <= {id(trace.weight) for trace in traces}  # a GPU would have to wait
        self.chain = meeting.chain if by_hand else ()
        self.links = links_of(self.chain)
        traced = {id(p) for t in traces for p in (t.weight, t.bias)}
        self.traces = [t for t in traces if not (by_hand and id(t.weight) in chained)]
        self.others = [p for p in meeting.parameters if id(p) not in traced]

    def write(self, task: int, source: Tensor, cotangent: Tensor | None) -> None:
        """Of a task that has this gradient at `source`: all but what the chain has."""
        inputs = [*(t.z for t in self.traces), *self.others]
        found = grad([source], inputs, [cotangent]) if source.requires_grad else [None] * len(inputs)
        _write([self._part(task, p) for p in self.others], found[len(self.traces) :])
        for trace, delta in zip(self.traces, found, strict=False):
            x = trace.x.detach().flatten(0, -2)
            self._write_traced(task, trace, x, None if delta is None else delta.flatten(0, -2))

    def write_carried(self, pull: Pull) -> None:
        """Of a task that pulls at the representation: all."""
        delta = pull.gradient
        for trace, (x, delta) in zip(self.chain, back(self.links, pull), strict=True):
            self._write_traced(pull.task, trace, x, delta)
        x = self.chain[-1].x
        if self.traces or self.others:
            self.write(pull.task, x, below(self.links, pull, delta, x) if x.requires_grad else None)

    def _part(self, task: int, parameter: Tensor) -> Tensor:
        return self.parts[self.places[id(parameter)]][task]

    @torch.no_grad()
    def _write_traced(self, task: int, trace: Trace, x: Tensor, delta: Tensor | None) -> None:
        """x [row, inputs] and δ [row, outputs] at z → the gradients of W and b."""
        weight, bias = self._part(task, trace.weight), self._part(task, trace.bias)
        if delta is None:
            _write([weight, bias], [None, None])
        elif delta.dtype == weight.dtype == x.dtype:
            torch.sum(delta, 0, out=bias)  # first, while it lies in the cache
            torch.mm(x.T, delta, out=weight.view(x.shape[1], delta.shape[1]))
        else:  # under autocast
            x = x.to(delta.dtype)
            _write([weight, bias], [x.T @ delta, delta.sum(0)])


def _of_copies(losses: Tensor, meeting: Meeting) -> Tensor:
    """One pass for all tasks: none has a part in another's copy of the shared parameters."""
    found = grad([losses.sum()], meeting.copies)
    return torch.cat([(torch.zeros_like(c) if g is None else g).flatten(1) for c, g in zip(meeting.copies, found, strict=True)], 1)


def _write(parts: Sequence[Tensor], grads: Grads) -> None:
    for part, found in zip(parts, grads, strict=True):
        if found is None:
            part.zero_()
        else:
            part.copy_(found.flatten())


def _sources(losses: Tensor, meeting: Meeting, apart: Apart) -> Iterator[tuple[int, Tensor, Tensor | None]]:
    """Each task with where its pass begins, and the gradient there."""
    if meeting.readings is None:
        yield from ((task, loss, None) for task, loss in enumerate(losses))
    else:
        shared = representation(meeting)
        yield from ((task, shared, found) for task, found in at_representation(apart.at_logits, meeting))


def _there(present: Tensor) -> list[int]:
    """Which tasks are present; on a GPU all are taken, since those that are not have no gradient and asking would wait."""
    there: list[int] = present.nonzero().squeeze(1).tolist() if present.device.type == "cpu" else list(range(len(present)))
    return there
