"""The best constant: what a network without inputs would say. Where heads begin, and what their valid loss is compared with."""

from __future__ import annotations

import torch
from torch import Tensor

from mtl.network import Network
from mtl.network.heads import Head, ListedHead
from mtl.network.ragged import rows_at_once, take, together
from mtl.training.batches import Store

ROWS = 8192
"""Rows whose lists are padded together, or that are looked up in a catalogue together, or compared with each other."""
LEAST = 1e-6
"""Floor of a constant's loss (labels that never change), so that a score stays finite."""


@torch.no_grad()
def best_constants(network: Network, train: Store) -> dict[str, Tensor]:
    """Kind -> logits [task of that kind, out] of the constant that fits each task's train labels best."""
    return {
        kind: torch.stack([_constant(network, train, kind, place, t) for place, t in enumerate(at)])
        for kind, at in network.kinds.items()
    }


@torch.no_grad()
def constant_losses(network: Network, best: dict[str, Tensor], train: Store, valid: Store, count: int = 1) -> list[float]:
    """Of each task: the loss of train's best constant on valid's labels, or where valid has none on train's, in `count` batches."""
    found = [0.0] * len(network.plan.tasks)
    for kind, at in network.kinds.items():
        head, logits = network.head(kind), best[kind][:, None, None, :]
        for rows in (train, valid):
            mask, learned = rows.mask[at], head.together and rows is train
            each = (_in_a_batch(head, logits, mask, count) if learned else _each_loss(head, logits, rows, at)) * mask
            for t, total, labels in zip(at, each.sum(1).tolist(), mask.sum(1).tolist(), strict=True):
                found[t] = max(total / labels, LEAST) if labels else found[t]
    return found


def _each_loss(head: Head, logits: Tensor, rows: Store, at: list[int]) -> Tensor:
    """Of each row, [task, rows]; some rows at a time where padding, or a catalogue, takes memory."""
    if not head.listed and not head.together:
        return head.judged(logits.expand(-1, rows.mask.shape[1], 1, -1), rows.targets[at])
    found = []
    most = rows_at_once(ROWS, torch.cat([rows.lists[t].lengths for t in at])) if head.of_tokens else ROWS
    for part in torch.split(torch.arange(rows.mask.shape[1], device=rows.mask.device), most):
        labels = together([take(rows.lists[t], part)[0] for t in at]) if head.listed else rows.targets[at][:, part]
        shape = (-1, len(part), labels.shape[-1], 1, -1) if head.of_tokens else (-1, len(part), 1, -1)
        alike = (logits.unsqueeze(2) if head.of_tokens else logits).expand(shape)
        found.append(head.judged(alike, labels))
    return torch.cat(found, 1)


def _in_a_batch(head: Head, logits: Tensor, mask: Tensor, count: int) -> Tensor:
    """What a row costs that has its like in one of `count` batches, each with as many labels as any other, [task, 1]."""
    rows = (mask.sum(1, keepdim=True) / count).round().clamp(1, ROWS)
    there = (torch.arange(int(rows.max()), device=mask.device) < rows).to(mask.dtype)
    return head.loss_together(logits.expand(-1, there.shape[1], 1, -1), torch.zeros_like(there), there)[:, :1, 0]


def start_at_constants(network: Network, best: dict[str, Tensor]) -> None:
    """Let every head begin at its tasks' best constants."""
    for kind, logits in best.items():
        network.head(kind).start_at(logits)


def _constant(network: Network, train: Store, kind: str, place: int, task: int) -> Tensor:
    head, rows = network.head(kind), train.mask[task].nonzero().flatten()
    if isinstance(head, ListedHead):  # padded, all of train's lists would be as long as the longest
        lists, classes = train.lists[task], head.bias.shape[-1]
        held = lists.values[(train.mask[task] > 0).repeat_interleave(lists.lengths)]
        return head.usual(torch.bincount(held, minlength=classes + 1)[1:], max(1, len(rows)), place)
    return head.constant(train.targets[task][rows if len(rows) else rows.new_zeros(1)], place)
