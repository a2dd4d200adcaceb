"""Fusion: representations of several inputs → one. `concat`, `mean` or `attention`."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from mtl.network.layers import hidden, uniform
from mtl.spec import Model


class Concat(nn.Module):
    """All inputs side by side, then one layer back to the width."""

    def __init__(self, copies: int, inputs: int, model: Model) -> None:
        super().__init__()
        self.layer = hidden(copies, inputs * model.width, model)

    def forward(self, x: Tensor) -> Tensor:
        """[views, batch, member, input, width] → [views, batch, member, width], as every fusion."""
        fused: Tensor = self.layer(x.flatten(-2))
        return fused


class Mean(nn.Module):
    """The mean over inputs."""

    def __init__(self, copies: int, inputs: int, model: Model) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(-2)


class Attention(nn.Module):
    """A learned query for each copy weighs the inputs: softmax(x·q / √width)."""

    def __init__(self, copies: int, inputs: int, model: Model) -> None:
        super().__init__()
        self.query = nn.Parameter(uniform(model.width, copies, 1, 1, 1, model.width))

    def forward(self, x: Tensor) -> Tensor:
        score = (x * self.query).sum(-1, keepdim=True) / math.sqrt(x.shape[-1])
        return (torch.softmax(score, dim=-2) * x).sum(-2)


FUSIONS: dict[str, type[Concat] | type[Mean] | type[Attention]] = {
    "concat": Concat,
    "mean": Mean,
    "attention": Attention,
}
