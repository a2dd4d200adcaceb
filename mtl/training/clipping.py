"""Clipping the gradient's norm: of the whole network, or of each unit of tasks where they share nothing with others."""

from __future__ import annotations

import torch
from torch import Tensor

from mtl.network import Network


def clip(network: Network, largest: float) -> None:
    """Scale gradients so that their norm is at most `largest`; units that share nothing do not scale each other."""
    if len(network.units) == 1:
        torch.nn.utils.clip_grad_norm_(network.parameters(), largest)
        return
    unit_of = {task: number for number, unit in enumerate(network.units) for task in unit}
    owners = {name: [unit_of[task] for task in tasks] for name, tasks in network.owners().items()}
    grads = {name: p.grad for name, p in network.named_parameters() if p.grad is not None}
    squares = torch.zeros(len(network.units), device=network.device)
    for name, grad in grads.items():
        squares.index_add_(0, torch.tensor(owners[name], device=network.device), grad.flatten(1).square().sum(1))
    factor = (largest / (squares.sqrt() + 1e-6)).clamp(max=1)
    for name, grad in grads.items():
        grad.mul_(_along(factor[owners[name]], grad))


def _along(factor: Tensor, grad: Tensor) -> Tensor:
    return factor.view(-1, *[1] * (grad.dim() - 1))
