"""Pooling: the representations of a row's own tokens → one of the row. `max`, `mean` or `attention`."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from mtl.network.layers import uniform
from mtl.network.sequences.base import Weights
from mtl.network.sequences.layout import Layout


class Pooling(nn.Module, ABC):
    """Every parameter is [copies, …]; copies take turns."""

    def __init__(self, copies: int, size: int) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, x: Tensor, layout: Layout, weights: Weights) -> Tensor:
        """x [token, size] and the weights of one copy → [row, size]."""


class Max(Pooling):
    """The largest of each number; of equal ones one alone gets the gradient."""

    def forward(self, x: Tensor, layout: Layout, weights: Weights) -> Tensor:
        # not segment_reduce: PyTorch 2.13 gives each of several equal ones a negative gradient in full
        return layout.pad(x, -torch.inf).max(1).values


class Mean(Pooling):
    """The mean over tokens."""

    def forward(self, x: Tensor, layout: Layout, weights: Weights) -> Tensor:
        return (layout.sum(x) / layout.counts.unsqueeze(1)).to(x.dtype)


class Attention(Pooling):
    """A learned query for each copy weighs the tokens: softmax(x·q / √size)."""

    def __init__(self, copies: int, size: int) -> None:
        super().__init__(copies, size)
        self.query = nn.Parameter(uniform(size, copies, size))

    def forward(self, x: Tensor, layout: Layout, weights: Weights) -> Tensor:
        score = (x @ weights["query"]) / math.sqrt(x.shape[1])
        share = torch.softmax(layout.pad(score, -torch.inf), 1)
        return layout.sum(x * layout.unpad(share).unsqueeze(1)).to(x.dtype)


POOLINGS: dict[str, type[Pooling]] = {
    "max": Max,
    "mean": Mean,
    "attention": Attention,
}
