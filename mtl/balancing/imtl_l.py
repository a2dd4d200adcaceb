"""imtl_l: impartial learning of the losses' scales (Liu et al. 2021, ICLR, openreview IMPnRXEWpvr, section 3.2).

L = Σ e^s_t L_t − s_t with s learned along with the network: at its minimum every scaled loss e^s L is 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mtl.balancing.base import Balanced, Scalarization


class IMTLL(Scalarization):
    """s begins at 0; a task without a label in the batch leaves its own s alone."""

    def __init__(self, tasks: Sequence[Balanced]) -> None:
        super().__init__(tasks)
        self.log_scale = nn.Parameter(torch.zeros(len(tasks)))

    def total(self, losses: Tensor, present: Tensor) -> Tensor:
        return ((self.log_scale.exp() * losses - self.log_scale) * present).sum()

    def weights(self) -> Tensor:
        return self.log_scale.detach().exp()
