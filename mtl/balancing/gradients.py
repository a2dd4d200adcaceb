"""The gradients of one step, task by task: at the representation, at the shared parameters, and of what each task owns.

Where heads read the representation itself (`Readings`), one pass through the losses gives every task's gradient at its
own logits, and with it, since logits are linear in the representation, at the representation: no pass a task is needed
there, nor a tensor [task, batch, member, width].
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mtl.balancing.base import Meeting, Readings

Grads = Sequence[Tensor | None]


@dataclass(frozen=True)
class Apart:
    """What one pass through the heads gives: gradients at the logits of each kind, and of the tasks' own parameters."""

    at_logits: Sequence[Tensor]
    own: Grads


def take_apart(losses: Tensor, meeting: Meeting) -> Apart:
    """The unweighted gradients of losses [task]; the graph stays."""
    logits = meeting.readings.logits if meeting.readings is not None else ()
    found = grad([losses.sum()], [*logits, *meeting.own])
    at_logits = [torch.zeros_like(at) if g is None else g for at, g in zip(logits, found, strict=False)]
    return Apart(at_logits, found[len(logits) :])


def grad(outputs: Sequence[Tensor], inputs: Sequence[Tensor], given: Sequence[Tensor | None] | None = None) -> Grads:
    """torch's, of what depends and what does not; the graph stays."""
    return torch.autograd.grad(outputs, inputs, given, retain_graph=True, allow_unused=True) if inputs else ()


def representation(meeting: Meeting) -> Tensor:
    """The shared activations; ValueError where the sharing has none."""
    if meeting.representation is None:
        raise ValueError("this sharing has no shared activations; take the gradients at the parameters")
    return meeting.representation


def add(parameters: Sequence[Tensor], grads: Grads) -> None:
    """Add gradients to parameters; None adds nothing."""
    for parameter, grad in zip(parameters, grads, strict=True):
        if grad is not None:
            parameter.grad = grad if parameter.grad is None else parameter.grad + grad


def gramian_of_readings(at_logits: Sequence[Tensor], readings: Readings) -> Tensor:
    """[task, task] inner products at the representation, Σ over rows of (δᵢ Wᵢᵀ)·(δⱼ Wⱼᵀ) = ⟨δᵢᵀδⱼ, WᵢᵀWⱼ⟩."""
    with torch.autocast(at_logits[0].device.type, enabled=False):
        products, outs = _products(at_logits, readings.slopes), [delta.shape[-1] for delta in at_logits]
        if any(out > 1 for out in outs):
            products = _summed(products, [len(delta) for delta in at_logits], outs)
        if len(outs) > 1:
            products = products[readings.order][:, readings.order]
        return products if readings.together is None else products * readings.together


def _products(at_logits: Sequence[Tensor], slopes: Sequence[Tensor]) -> Tensor:
    """[task·out, task·out], kind by kind: the product of the gradients' inner products and the slopes'."""
    wide = torch.promote_types(at_logits[0].dtype, torch.float32)
    if slopes[0].dim() == 3:
        delta = torch.cat([d.permute(0, 3, 1, 2).reshape(d.shape[0] * d.shape[3], -1) for d in at_logits]).to(wide)
        slope = torch.cat([s.detach().transpose(1, 2).flatten(0, 1) for s in slopes]).to(wide)
        return (delta @ delta.T) * (slope @ slope.T)
    delta = torch.cat([d.permute(2, 0, 3, 1).flatten(1, 2) for d in at_logits], 1).to(wide)
    slope = torch.cat([s.detach().permute(1, 0, 3, 2).flatten(1, 2) for s in slopes], 1).to(wide)
    return ((delta @ delta.mT) * (slope @ slope.mT)).sum(0)


def _summed(products: Tensor, tasks: Sequence[int], outs: Sequence[int]) -> Tensor:
    """[task·out, task·out] → [task, task], kind by kind."""
    sizes = [t * out for t, out in zip(tasks, outs, strict=True)]
    rows = [part.view(t, out, -1).sum(1) for part, t, out in zip(torch.split(products, sizes), tasks, outs, strict=True)]
    columns = torch.split(torch.cat(rows), sizes, 1)
    return torch.cat([part.reshape(len(part), t, out).sum(2) for part, t, out in zip(columns, tasks, outs, strict=True)], 1)


def weighted(at_logits: Sequence[Tensor], readings: Readings, weights: Tensor) -> list[Tensor]:
    """The gradients at the logits, each task's times its weight."""
    parts = torch.split(weights[readings.place], [len(delta) for delta in at_logits])
    return [delta * w.to(delta.dtype)[:, None, None, None] for delta, w in zip(at_logits, parts, strict=True)]


def at_representation(at_logits: Sequence[Tensor], meeting: Meeting) -> Iterator[tuple[int, Tensor]]:
    """Each task and its gradient at the representation, one after the other, kind by kind."""
    readings, shared = meeting.readings, representation(meeting)
    assert readings is not None
    place = readings.place.tolist()
    kinds = zip(at_logits, readings.slopes, readings.views, strict=True)
    each = (of_task for of_kind in kinds for of_task in zip(*of_kind, strict=True))
    for task, (delta, slope, view) in zip(place, each, strict=True):
        slope = slope.detach().to(delta.dtype)
        if delta.shape[-1] == 1:  # an outer product, which a matrix product of inner size 1 takes ten times as long for
            there = delta * slope.squeeze(-1)
        else:
            there = delta @ slope.mT if slope.dim() == 2 else torch.einsum("bmo,mwo->bmw", delta, slope)
        if len(shared) == 1:
            yield task, there.unsqueeze(0).to(shared.dtype)
        else:
            found = torch.zeros_like(shared)
            found[view] = there
            yield task, found
