"""Layers with stacked weights: `copies` networks side by side in one batched product, each with `members`.

Shapes, here and in all of this room: a representation is [copies, batch, member, width]; `member` is 1 unless an
implicit ensemble is on. A leading 1 means "the same for all" and broadcasts against any number of copies or members.

Members are TabM's (Gorishniy et al. 2024, arXiv:2410.24210; package `tabm`, its default architecture): all members of
a copy share one weight W, as in BatchEnsemble (Wen et al. 2020, eq. 5), and member m computes

    y_m = ((x · r_m) W) · s_m + b_m

with r, s and b its own. r of the very first layers, those that read inputs, starts at random, one number for each
feature; every other r and s starts at 1, all members' biases at the same value. Members see the same rows of a batch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from mtl.network.dropout import dropout
from mtl.spec import Model


@dataclass(frozen=True)
class Start:
    """How members become different at a layer that reads inputs: the random start of its r."""

    chunks: tuple[int, ...]
    """Numbers of each feature, in order: all of one feature start at the same factor."""
    by: Literal["signs", "normal"]
    """±1, or N(0, 1) where numbers come as embeddings: the package's own choice for each."""


class StackedLinear(nn.Module):
    """x [copies or 1, batch, member or 1, inputs] → [copies, batch, member, outputs], each copy with its own weights.

    With `members` = 1 there is no r and no s: a plain linear map, the same for any members that x has.
    """

    def __init__(self, copies: int, inputs: int, outputs: int, members: int = 1, start: Start | None = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(uniform(inputs, copies, inputs, outputs))
        if members == 1:
            self.bias = nn.Parameter(uniform(inputs, copies, outputs))
            self.r = self.s = None
            return
        self.bias = nn.Parameter(uniform(inputs, copies, 1, outputs).repeat(1, members, 1))
        self.r = nn.Parameter(torch.ones(copies, members, inputs) if start is None else _start(start, copies, members))
        self.s = nn.Parameter(torch.ones(copies, members, outputs))

    def forward(self, x: Tensor) -> Tensor:
        if self.r is None or self.s is None:
            return self._plain(x)
        if len(self.weight) == 1:  # and any number of viewers
            return adapted(x, self.weight.squeeze(0), self.r, self.s, self.bias)
        if not self.one_by_one:
            return adapted(x, self.weight, self.r, self.s, self.bias)
        return torch.stack([adapted(*one) for one in self.of_copies(x)])

    @property
    def one_by_one(self) -> bool:
        """Whether copies take turns: where members give each work enough for a product of its own, on a CPU, what it
        reads and writes then stays in the cache, for half the time of one batched product over all copies."""
        return self.r is not None and len(self.weight) > 1 and self.weight.device.type == "cpu"

    def of_copies(self, x: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor, Tensor]]:
        """x and the weights of one copy after the other, as `adapted` takes them."""
        assert self.r is not None
        assert self.s is not None
        each = (x.expand(len(self.weight), *x.shape[1:]), self.weight, self.r, self.s, self.bias)
        return zip(*(of.unbind() for of in each), strict=True)

    def _plain(self, x: Tensor) -> Tensor:
        copies, _, outputs = self.weight.shape
        if copies == 1:
            return functional.linear(x, self.weight.squeeze(0).T, self.bias.squeeze(0))  # [0] would cost a pass over zeros
        _, batch, member, width = x.shape
        rows = x.expand(copies, batch, member, width).reshape(copies, batch * member, width)
        return torch.baddbmm(self.bias.unsqueeze(1), rows, self.weight).view(copies, batch, member, outputs)


class Layer(nn.Module):
    """Linear, SiLU, dropout: one step of every encoder and trunk.

    Without normalisation: on NHANES (valid, 3 seeds) SiLU alone reached a mean of .532 over the tasks' R², AUC and κ,
    ReLU .521, with layer normalisation .517 and .515.
    """

    def __init__(
        self, copies: int, inputs: int, outputs: int, dropout: float, members: int = 1, start: Start | None = None
    ) -> None:
        super().__init__()
        self.linear = StackedLinear(copies, inputs, outputs, members, start)
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        if self.linear.r is None:
            return functional.dropout(functional.silu(self.linear(x)), self.dropout, self.training)
        if self.linear.one_by_one:
            return torch.stack([self._finish(adapted(*one)) for one in self.linear.of_copies(x)])
        return self._finish(self.linear(x))

    def _finish(self, x: Tensor) -> Tensor:
        return dropout(functional.silu(x), self.dropout if self.training else 0.0)


def hidden(copies: int, inputs: int, model: Model, start: Start | None = None) -> Layer:
    """A layer of this model: `inputs` → its width, with its members and its dropout.

    `start` is for layers that read inputs (encoders): there members begin to differ.
    """
    return Layer(copies, inputs, model.width, model.dropout, model.members, start)


def adapted(x: Tensor, weight: Tensor, r: Tensor, s: Tensor, bias: Tensor) -> Tensor:
    """((x · r) W) · s + b: x […, batch, member or 1, inputs], the others […, member, size].

    W is [inputs, outputs], or [copies, inputs, outputs] where x and the others have copies in front.
    """
    scaled = x * r.unsqueeze(-3)
    if weight.dim() == 2:
        product = functional.linear(scaled, weight.T)
    else:
        product = torch.bmm(scaled.flatten(1, 2), weight).view(*scaled.shape[:3], weight.shape[2])
    return torch.addcmul(bias.unsqueeze(-3), product, s.unsqueeze(-3))


def uniform(inputs: int, *shape: int) -> Tensor:
    """U(−1/√inputs, 1/√inputs), PyTorch's own start of a linear layer, for each copy."""
    bound = 1 / math.sqrt(max(inputs, 1))
    return torch.empty(shape).uniform_(-bound, bound)


def _start(start: Start, copies: int, members: int) -> Tensor:
    """r [copies, member, inputs] of a first layer: one random number for each copy, member and feature."""
    shape = (copies, members, len(start.chunks))
    drawn = torch.randn(shape) if start.by == "normal" else torch.randint(0, 2, shape) * 2.0 - 1
    return drawn.repeat_interleave(torch.tensor(start.chunks), dim=-1)
