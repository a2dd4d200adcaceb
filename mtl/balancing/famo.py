"""famo: fast adaptive multitask optimization (Liu, Feng, Stone & Liu 2023, arXiv:2306.03792, algorithm 1).

All losses are to fall at the same rate. With z = softmax(ξ) the step is on c Σ z_i log L_i, c = 1 / Σ (z_i / L_i), so that
the weights z_i c / L_i of the gradients come to 1; after it ξ moves by Adam along δ, how much each log-loss fell *on the
same batch*: Jᵀδ + γξ with J the Jacobian of the softmax (their eq. 11), so that who fell more weighs less.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mtl.balancing.adam import Adam
from mtl.balancing.base import Balanced, Scalarization

LEAST = 1e-8
"""Added to each loss, as in the authors' code."""


class FAMO(Scalarization):
    """`lr` and `decay` (γ) are of ξ. Softmax and step are over the tasks present."""

    looks_back = True
    logits: Tensor

    def __init__(self, tasks: Sequence[Balanced], *, lr: float = 0.025, decay: float = 0.01) -> None:
        super().__init__(tasks)
        self.adam = Adam(len(tasks), lr, decay)
        self.register_buffer("logits", torch.zeros(len(tasks)))
        self._before = torch.zeros(0)

    def _shares(self, present: Tensor) -> Tensor:
        shares = torch.softmax(self.logits.masked_fill(~present, -torch.inf), 0)
        return torch.where(present, shares, 0)

    def total(self, losses: Tensor, present: Tensor) -> Tensor:
        shares, own = self._shares(present), losses + LEAST
        self._before = own.detach().log()
        c = (shares / own.detach()).sum()
        return (own.log() * shares).sum() / c

    def after_step(self, losses: Tensor, present: Tensor) -> None:
        fell = self._before - (losses + LEAST).log()
        shares = self._shares(present)
        self.adam.step(self.logits, shares * (fell - (shares * fell).sum()), present)

    def weights(self) -> Tensor:
        return torch.softmax(self.logits, 0)
