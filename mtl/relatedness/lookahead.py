"""Lookahead affinity (Fifty et al. 2021, "Efficiently Identifying Task Groupings", arXiv:2109.04617, eq. 1 and 2).

Z of i onto j = 1 − L_j(X, θ after a step on task i alone, θ_j) / L_j(X, θ, θ_j): above 0, a step on i lowers the loss of j.
Only the shared parameters θ move, heads θ_j stay; both losses are of the same train batch X.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

LEAST = 1e-12
"""A loss below this is none, of which no share can be taken."""


def lookahead(
    losses: Callable[[Mapping[str, Tensor]], Tensor], shared: Mapping[str, Tensor], rates: Mapping[str, Tensor]
) -> Tensor:
    """float64 [task, task]: Z of the row's task onto the column's, NaN where either has no loss in the batch.

    losses: shared parameters by name → mean loss of each task on one batch, 0 without a label. rates: name → what a
    gradient is multiplied with to make the optimizer's step of it (its learning rate; for Adam divided by √v̂ + ε).
    """
    leaves = {name: p.detach().requires_grad_() for name, p in shared.items()}
    with torch.enable_grad():
        before = losses(leaves)
    there = before.detach() > LEAST
    rows = [_after(losses, leaves, rates, before[i]) for i in range(len(before))]
    z = 1 - torch.stack(rows).double() / before.detach().double().clamp(min=LEAST)
    return torch.where(there[:, None] & there, z, torch.nan)


def _after(
    losses: Callable[[Mapping[str, Tensor]], Tensor], leaves: Mapping[str, Tensor], rates: Mapping[str, Tensor], loss: Tensor
) -> Tensor:
    """All losses after a step on one of them."""
    grads = torch.autograd.grad(loss, list(leaves.values()), retain_graph=True, allow_unused=True)
    with torch.no_grad():
        moved = {n: p if g is None else p - rates[n] * g for (n, p), g in zip(leaves.items(), grads, strict=True)}
        return losses(moved)
