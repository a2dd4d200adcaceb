"""The best constant: what a network without inputs would say. Where heads begin, and what their valid loss is compared with."""

from __future__ import annotations

import torch
from torch import Tensor

from mtl.network import Network
from mtl.training.batches import Store

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
def constant_losses(network: Network, best: dict[str, Tensor], train: Store, valid: Store) -> list[float]:
    """Of each task: the loss of train's best constant on valid's labels, or on train's where valid has none."""
    found = [0.0] * len(network.plan.tasks)
    for kind, at in network.kinds.items():
        logits = best[kind][:, None, None, :]
        for rows in (train, valid):
            targets, mask = rows.targets[at], rows.mask[at]
            each = network.head(kind).loss(logits.expand(-1, targets.shape[1], 1, -1), targets).squeeze(-1) * mask
            for t, total, labels in zip(at, each.sum(1).tolist(), mask.sum(1).tolist(), strict=True):
                found[t] = max(total / labels, LEAST) if labels else found[t]
    return found


def start_at_constants(network: Network, best: dict[str, Tensor]) -> None:
    """Let every head begin at its tasks' best constants."""
    for kind, logits in best.items():
        network.head(kind).start_at(logits)


def _constant(network: Network, train: Store, kind: str, place: int, task: int) -> Tensor:
    labels = train.targets[task][train.mask[task] > 0]
    return network.head(kind).constant(labels if len(labels) else train.targets[task][:1], place)
