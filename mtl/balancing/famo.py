"""famo: fast adaptive multitask optimization (Liu, Feng, Stone & Liu 2023, arXiv:2306.03792, algorithm 1).

All losses are to fall at the same rate. With z = softmax(ξ) the step is on c Σ z_i log L_i, c = 1 / Σ (z_i / L_i), so that
the weights z_i c / L_i of the gradients come to 1; after it ξ moves by Adam along δ, how much each log-loss fell *on the
same batch* (and here under the same dropout masks, which the loop draws again: others would add noise of their own to the
difference of two losses): Jᵀδ + γξ with J the Jacobian of the softmax (their eq. 11), so that who fell more weighs less.
Groups of tasks that share nothing have a softmax and a c each.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mtl.balancing.adam import Adam
from mtl.balancing.base import Balanced, Coupled

LEAST = 1e-8
"""Added to each loss, as in the authors' code."""


class FAMO(Coupled):
    """`lr` and `decay` (γ) are of ξ. Softmax and step are over the tasks present."""

    looks_back = True
    logits: Tensor

    def __init__(self, tasks: Sequence[Balanced], *, lr: float = 0.025, decay: float = 0.01) -> None:
        super().__init__(tasks)
        self.adam = Adam(len(tasks), lr, decay)
        self.register_buffer("logits", torch.zeros(len(tasks)))
        self._before = torch.zeros(0)

    def total(self, losses: Tensor, present: Tensor) -> Tensor:
        shares, own = self.shares(self.logits, present), losses + LEAST
        self._before = own.detach().log()
        c = self.sums(shares / own.detach()).clamp(min=torch.finfo(own.dtype).tiny)  # of a unit that is absent it is 0
        return (self.sums(own.log() * shares) / c).sum()

    def after_step(self, losses: Tensor, present: Tensor) -> None:
        fell = self._before - (losses + LEAST).log()
        shares, grad = self.shares(self.logits, present), torch.zeros_like(fell)
        for part in self.parts:
            grad[part] = shares[part] * (fell[part] - (shares[part] * fell[part]).sum())
        self.adam.step(self.logits, grad, present)

    def weights(self) -> Tensor:
        return self.shares(self.logits, torch.ones_like(self.logits, dtype=torch.bool))
