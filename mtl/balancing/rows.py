"""Each task's gradient as one long row: [task, …], one pass a task.

At the parameters the pass only carries the task's gradient back through the activations: a layer that was traced then has
its parameters' gradients from one product xᵀδ, written to where it belongs. That is the least that an exact Gramian
takes, and four fifths of what torch's own pass to the parameters does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from mtl.balancing.base import Meeting, Trace
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
    sizes = [parameter.numel() for parameter in meeting.parameters]
    rows = losses.new_empty(len(losses), sum(sizes))
    places = {id(p): i for i, p in enumerate(meeting.parameters)}
    traces = [t for t in meeting.traces if id(t.weight) in places and id(t.bias) in places]
    traced = {id(p) for t in traces for p in (t.weight, t.bias)}
    others = [p for p in meeting.parameters if id(p) not in traced]
    there = set(_there(present))
    for task, source, cotangent in _sources(losses, meeting, apart):
        if task not in there:
            rows[task] = 0
            continue
        found = grad([source], [*(t.z for t in traces), *others], [cotangent])
        parts = torch.split(rows[task], sizes)
        _write([parts[places[id(p)]] for p in others], found[len(traces) :])
        for trace, delta in zip(traces, found, strict=False):
            _write_traced(trace, delta, parts[places[id(trace.weight)]], parts[places[id(trace.bias)]])
    return rows


def _of_copies(losses: Tensor, meeting: Meeting) -> Tensor:
    """One pass for all tasks: none has a part in another's copy of the shared parameters."""
    found = grad([losses.sum()], meeting.copies)
    return torch.cat([(torch.zeros_like(c) if g is None else g).flatten(1) for c, g in zip(meeting.copies, found, strict=True)], 1)


@torch.no_grad()
def _write_traced(trace: Trace, delta: Tensor | None, weight: Tensor, bias: Tensor) -> None:
    """δ [any, batch, member, outputs] at z → the gradients of W and b, into `weight` and `bias`, both flat."""
    if delta is None:
        _write([weight, bias], [None, None])
        return
    delta = delta.flatten(0, -2)
    x = trace.x.detach().flatten(0, -2).to(delta.dtype)
    if delta.dtype == weight.dtype:
        torch.mm(x.T, delta, out=weight.view(x.shape[1], delta.shape[1]))
        torch.sum(delta, 0, out=bias)
    else:  # under autocast
        _write([weight, bias], [x.T @ delta, delta.sum(0)])


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
