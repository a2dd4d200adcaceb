"""Clipping the gradient's norm: of the whole network, or of each task's network where they share nothing."""

from __future__ import annotations

import torch
from torch import Tensor

from mtl.network import Network


def clip(network: Network, largest: float) -> None:
    """Scale gradients so that their norm is at most `largest`; tasks that share nothing do not scale each other."""
    if not network.body.own_stop:
        torch.nn.utils.clip_grad_norm_(network.parameters(), largest)
        return
    owners = network.owners()
    grads = {name: p.grad for name, p in network.named_parameters() if p.grad is not None}
    squares = torch.zeros(len(network.plan.tasks), device=network.device)
    for name, grad in grads.items():
        squares[owners[name]] += grad.flatten(1).square().sum(1)
    factor = (largest / (squares.sqrt() + 1e-6)).clamp(max=1)
    for name, grad in grads.items():
        grad.mul_(_along(factor[owners[name]], grad))


def _along(factor: Tensor, grad: Tensor) -> Tensor:
    return factor.view(-1, *[1] * (grad.dim() - 1))
