"""gradnorm: gradient normalization (Chen, Badrinarayanan, Lee & Rabinovich 2018, arXiv:1711.02257, algorithm 1).

Weights w_i of the losses learn, by Adam at a rate of their own, to bring the gradient norms G_i = ‖∇ w_i L_i‖ at the last
shared layer to Ḡ · r_i^α: L_grad = Σ |G_i − Ḡ r_i^α| with the target held constant (eq. 2), r_i the task's L_i(t) / L_i(0)
over the tasks' mean. After each step they are scaled back to their sum. The step itself is on Σ w_i L_i, heads included.
Groups of tasks that share nothing have means and a sum each.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mtl.balancing.adam import Adam
from mtl.balancing.base import Balanced, Meeting, OnGradients, parts_of
from mtl.balancing.engine import gramian

LEAST = 1e-12
"""Of a first loss, and of a weight: below 0 a task would climb."""


class GradNorm(OnGradients):
    """Norms are of the weights of the last shared layer (`at: parameters`) or of the shared activations. Means, targets and
    the sum are over the tasks present; a weight whose task is absent stays."""

    scale: Tensor
    first: Tensor

    def __init__(
        self, tasks: Sequence[Balanced], *, at: str = "parameters", every: int = 1, alpha: float = 1.5, lr: float = 0.025
    ) -> None:
        super().__init__(tasks, at, every)
        self.alpha = alpha
        self.adam = Adam(len(tasks), lr)
        self.register_buffer("scale", torch.ones(len(tasks)))
        self.register_buffer("first", torch.zeros(len(tasks)))

    def backward(self, losses: Tensor, present: Tensor, meeting: Meeting) -> None:
        weights = self.scale.clone()
        if self._turn():
            norms = gramian(losses, present, meeting.only(meeting.last), self.at).diagonal().sqrt()
            self._learn(losses.detach(), present, norms.to(losses.dtype))
        (losses * weights).sum().backward()  # type: ignore[no-untyped-call]  # torch leaves Tensor.backward untyped

    @torch.no_grad()
    def _learn(self, losses: Tensor, present: Tensor, norms: Tensor) -> None:
        """norms [task] of the unweighted gradients → one step of the weights."""
        self.first.copy_(torch.where(present & (self.first == 0), losses.clamp(min=LEAST), self.first))
        fallen = torch.where(present, losses / self.first.clamp(min=LEAST), 0)
        weighted, target = torch.where(present, self.scale * norms, 0), torch.zeros_like(norms)
        before, parts = torch.where(present, self.scale, 0), parts_of(self.units)
        for part in parts:
            count = present[part].sum().clamp(min=1)
            rate = fallen[part] / (fallen[part].sum() / count).clamp(min=LEAST)
            target[part] = weighted[part].sum() / count * rate**self.alpha
        self.adam.step(self.scale, norms * torch.sign(weighted - target), present)
        self.scale.clamp_(min=LEAST)
        after = torch.where(present, self.scale, 0)
        for part in parts:
            kept = before[part].sum() / after[part].sum().clamp(min=LEAST)
            self.scale[part] = self.scale[part] * torch.where(present[part], kept, 1)

    def weights(self) -> Tensor:
        return self.scale
