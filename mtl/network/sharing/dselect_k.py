"""dselect_k: MMoE whose gates come to choose k experts each (Hazimeh et al. 2021, NeurIPS, arXiv:2106.03760).

A gate has k selectors. Selector i chooses one of n experts by a binary code of m = ⌈log₂ n⌉ digits z_i: expert e has the
weight r(z_i)_e = Π_j S(z_ij) where digit j of e is 1, else 1 − S(z_ij), S being the smooth-step function: a cubic
that is exactly 0 below −γ/2 and exactly 1 above γ/2. The gate is Σ_i softmax(α)_i r(z_i) (their section 3): once every z
has left (−γ/2, γ/2) it reads at most k experts, until then more. z and α are parameters (`per_example: 0`, the paper's
static gate) or linear in the input (`per_example: 1`).

The penalty is `entropy` times the entropy of every selector, which drives it to one expert; and, where n is no
power of 2, Σ 1 / Σ_e r(z)_e, as the authors' code has it, so that no selector chooses a code without an expert. Both are
means over rows. Defaults (γ = 1, entropy 1e-6, starts of z and α) are those of the authors' code.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from mtl.network.plan import Plan
from mtl.network.sharing.experts import Mixture
from mtl.network.sharing.gates import Inputs, LinearSight
from mtl.spec import Model
from mtl.spec.options import SHARING_OPTIONS, options_of

LEAST = 1e-6
"""Added inside the logarithm of the entropy."""


class Selectors(nn.Module):
    """k selectors of each task over n experts: weights [task, batch or 1, 1, n]."""

    codes: Tensor

    def __init__(self, plan: Plan, model: Model, experts: int, k: int, gamma: float, entropy: float, per_example: bool) -> None:
        super().__init__()
        tasks, digits = [task.inputs for task in plan.tasks], math.ceil(math.log2(experts))
        self.k, self.gamma, self.entropy, self.digits = k, gamma, entropy, digits
        self.reads = LinearSight(plan, model, len(tasks), tasks, k * (digits + 1)) if per_example else None
        if self.reads is not None:
            self._start(self.reads)
        self.z = None if per_example else nn.Parameter(_around_zero(gamma / 100, len(tasks), k * digits))
        self.alpha = None if per_example else nn.Parameter(_around_zero(START, len(tasks), k))
        codes = (torch.arange(experts)[:, None] >> torch.arange(digits)) & 1
        self.register_buffer("codes", codes.bool(), persistent=False)

    def forward(self, x: Inputs) -> tuple[Tensor, Tensor]:
        """→ weights, and the penalty: a scalar, the sum over tasks and selectors of its mean over rows."""
        z, alpha = self._parts(x)
        step = smooth_step(torch.unflatten(z, -1, (self.k, 1, self.digits)), self.gamma)
        chosen = torch.where(self.codes, step, 1 - step).prod(-1)  # [task, batch, 1, k, expert]
        weights = (torch.softmax(alpha, -1).unsqueeze(-1) * chosen).sum(-2)
        return weights, self._penalty(chosen)

    def _parts(self, x: Inputs) -> tuple[Tensor, Tensor]:
        """z [task, batch or 1, 1, k · digits] and α [task, batch or 1, 1, k]."""
        if self.z is not None and self.alpha is not None:
            return self.z[:, None, None], self.alpha[:, None, None]
        assert self.reads is not None
        scores = self.reads(x).float()
        return scores[..., self.k :], scores[..., : self.k]

    def _penalty(self, chosen: Tensor) -> Tensor:
        entropy = -(chosen * torch.log(chosen + LEAST)).sum(-1)
        each = self.entropy * entropy
        if len(self.codes) != 2**self.digits:
            each = each + 1 / chosen.sum(-1).clamp(min=LEAST)
        return each.mean((1, 2)).sum() if chosen.shape[1] else chosen.sum()

    @torch.no_grad()
    def _start(self, reads: LinearSight) -> None:
        """z starts small beside γ, so that every selector begins undecided; α as small as the authors' code has it."""
        for name, parameter in reads.named_parameters():
            if not name.endswith("table"):
                parameter[..., : self.k].copy_(_around_zero(START, *parameter[..., : self.k].shape))
                parameter[..., self.k :].copy_(_around_zero(self.gamma / 100, *parameter[..., self.k :].shape))


START = 0.05
"""Bound of the uniform start of α."""


class DSelectK(Mixture):
    """Options: `experts`, `k`, `gamma`, `entropy`, `per_example`."""

    def gate_of(self, plan: Plan, model: Model, level: int, experts: int) -> nn.Module:
        """One gate a task, at the only level there is."""
        o = options_of(model.sharing, model.options, SHARING_OPTIONS)
        return Selectors(plan, model, experts, int(o["k"]), o["gamma"], o["entropy"], bool(o["per_example"]))


def smooth_step(x: Tensor, gamma: float) -> Tensor:
    """0 up to −γ/2, 1 from γ/2 on, between them −2x³/γ³ + 3x/2γ + 1/2; smooth everywhere."""
    s = (x / gamma + 0.5).clamp(0, 1)
    return s * s * (3 - 2 * s)


def _around_zero(bound: float, *shape: int) -> Tensor:
    return torch.empty(shape).uniform_(-bound, bound)
