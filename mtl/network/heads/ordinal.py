"""ordinal: CORAL (Cao, Mirjalili & Raschka 2020, arXiv:1901.07884).

One score f(x) a task and a threshold b_k between classes k and k + 1: P(y > k) = sigmoid(f(x) + b_k), the loss the sum
of the cross-entropies of all "y > k?". The paper shows that b falls with k once the loss is at its minimum; here it
falls always (each step down is a softplus), so that probabilities of classes are never negative, also half-way.
With class weights (`rare`) a row's whole sum counts what its class weighs.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from mtl.network.heads.base import EXTREME, Head, mean_logit
from mtl.network.heads.rare import asked, of_rows, weights_of
from mtl.network.plan import TaskPlan

LEAST_STEP = 1e-3
"""Between thresholds at the start, where train has none of a class."""


class Ordinal(Head):
    """Logits of P(y > k), k = 0 … classes − 2; falling in k, so rank-consistent."""

    beyond: Tensor
    until: Tensor
    weights: Tensor | None

    def __init__(self, tasks: Sequence[TaskPlan], width: int, widest: int, members: int = 1) -> None:
        super().__init__(tasks, width, widest, members)
        self.step = nn.Parameter(torch.zeros(*self.each, widest - 2))
        beyond = torch.arange(widest - 1) >= torch.tensor([task.classes for task in tasks])[:, None] - 1
        self.register_buffer("beyond", beyond[:, None, None, :], persistent=False)
        self.rare = asked(tasks)
        self.register_buffer("weights", weights_of(tasks, widest), persistent=False)
        self.register_buffer("until", torch.ones(widest - 2, widest - 2).tril(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """The score plus thresholds; thresholds that a task does not have are −inf: never passed."""
        steps = functional.softplus(self.step)
        down = functional.pad((steps.unsqueeze(-2) * self.until).sum(-1), (1, 0))  # cumsum is not deterministic on CUDA
        down = down.view(len(down), 1, -1, down.shape[-1])  # [task, 1, member or 1, threshold]
        return (super().forward(x) - down).masked_fill(self.beyond, -torch.inf)

    def slopes(self) -> Tensor:
        return self.weight.expand(*self.weight.shape[:-1], self.step.shape[-1] + 1)  # one score, all thresholds

    @torch.no_grad()
    def start_at(self, constants: Tensor) -> None:
        """The first threshold is the bias; each step down is the softplus of its parameter."""
        logits = constants.clamp(-EXTREME, EXTREME)
        self.bias.copy_(self.for_each(logits[:, :1]))
        steps = torch.log(torch.expm1((logits[:, :-1] - logits[:, 1:]).clamp(min=LEAST_STEP)))
        self.step.copy_(self.for_each(steps))

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        above = (targets[:, :, None, None] > torch.arange(logits.shape[-1], device=logits.device)).to(logits.dtype)
        each = self._crossed(logits, above)
        return each if self.weights is None else each * of_rows(self.weights, targets)

    def imitation(self, logits: Tensor, soft: Tensor) -> Tensor:
        """Unweighted: the teacher learned by the same loss, so what it says holds the weights already."""
        classes, thresholds = soft.shape[-1], logits.shape[-1]
        higher = torch.ones(classes, thresholds, device=soft.device, dtype=soft.dtype).tril(-1)  # class c is above k < c
        return self._crossed(logits, (soft @ higher).clamp(0, 1).unsqueeze(2))

    def _crossed(self, logits: Tensor, above: Tensor) -> Tensor:
        """Cross-entropy of every "y > k?" with `above`, its truth or its probability."""
        known = logits.masked_fill(self.beyond, 0)
        each = functional.binary_cross_entropy_with_logits(known, above.expand_as(known), reduction="none")
        return each.masked_fill(self.beyond, 0).sum(-1)

    def predictions(self, logits: Tensor) -> Tensor:
        above = functional.pad(functional.pad(torch.sigmoid(logits), (1, 0), value=1.0), (0, 1))
        return (above[..., :-1] - above[..., 1:]).clamp(min=0)

    def pooled(self, logits: Tensor) -> Tensor:
        return mean_logit(logits.masked_fill(self.beyond, 0)).masked_fill(self.beyond, -torch.inf)

    def constant(self, targets: Tensor, task: int) -> Tensor:
        above = (targets[:, None] > torch.arange(self.beyond.shape[-1], device=targets.device)).to(targets.dtype)
        share = above.mean(0)
        if self.rare[task] and self.weights is not None:
            weight = self.weights[task][targets.long()]
            share = (weight @ above) / weight.sum()
        return torch.logit(share, eps=1e-6).masked_fill(self.beyond[task].flatten(), -torch.inf)
