"""transformer: self-attention over a row (Vaswani et al. 2017, arXiv:1706.03762), layers normalised before each step.

Sinusoidal positions as in section 3.5. Normalisation comes first (Xiong et al. 2020, arXiv:2002.04745): it then trains
without a warm-up of the learning rate. Dropout is on what each step adds (section 5.4). Only attention itself pads rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from mtl.network.dropout import dropout
from mtl.network.layers import uniform
from mtl.network.sequences.base import SequenceNetwork, Weights
from mtl.network.sequences.layout import Layout

SLOWEST = 10_000
"""Positions turn by 1 a token in their first pair of numbers, by almost 1 / SLOWEST in their last."""


class Transformer(SequenceNetwork):
    """`layers` of attention by `heads` and of a network with `feedforward` hidden numbers; parameters are [copies, layer, …]."""

    def __init__(self, options: Mapping[str, float], copies: int, dropout: float) -> None:
        """Raises ValueError where heads do not divide the embedding."""
        super().__init__(options, copies, dropout)
        width, layers, self.heads, inner = (int(options[name]) for name in ("embedding", "layers", "heads", "feedforward"))
        if width % self.heads:
            raise ValueError(f"heads of transformer that divide its embedding, {width}; found {self.heads}")
        self.size, many = width, (copies, layers)
        xavier = math.sqrt(6 / (4 * width))  # of PyTorch's own attention, over query, key and value as one matrix
        self.attend = nn.Parameter(torch.empty(*many, 3 * width, width).uniform_(-xavier, xavier))
        self.attend_bias = nn.Parameter(torch.zeros(*many, 3 * width))
        self.join = nn.Parameter(uniform(width, *many, width, width))
        self.join_bias = nn.Parameter(torch.zeros(*many, width))
        self.widen = nn.Parameter(uniform(width, *many, inner, width))
        self.widen_bias = nn.Parameter(uniform(width, *many, inner))
        self.narrow = nn.Parameter(uniform(inner, *many, width, inner))
        self.narrow_bias = nn.Parameter(uniform(inner, *many, width))
        self.scale = nn.Parameter(torch.ones(copies, 2 * layers + 1, width))  # before each step, and at the end
        self.shift = nn.Parameter(torch.zeros(copies, 2 * layers + 1, width))

    def forward(self, x: Tensor, layout: Layout, weights: Weights) -> Tensor:
        of_layers = {name: weight.unbind() for name, weight in weights.items()}
        scale, shift = of_layers.pop("scale"), of_layers.pop("shift")
        steps = [{name: of[i] for name, of in of_layers.items()} for i in range(len(of_layers["join"]))]
        x = x + positions(layout.longest, x).index_select(0, layout.place)
        for i, one in enumerate(steps):
            attended = self._attend(_normed(x, scale[2 * i], shift[2 * i]), layout, one)
            x = x + dropout(attended, self.drops)
            inner = functional.linear(_normed(x, scale[2 * i + 1], shift[2 * i + 1]), one["widen"], one["widen_bias"])
            made = functional.linear(functional.relu(inner), one["narrow"], one["narrow_bias"])
            x = x + dropout(made, self.drops)
        return _normed(x, scale[-1], shift[-1])

    def _attend(self, x: Tensor, layout: Layout, of: Weights) -> Tensor:
        """Each token looks at those of its own row."""
        asked = layout.pad(functional.linear(x, of["attend"], of["attend_bias"]))
        query, key, value = asked.view(*asked.shape[:2], 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        found = functional.scaled_dot_product_attention(query, key, value, layout.there[:, None, None])
        return functional.linear(layout.unpad(found.transpose(1, 2).flatten(2)), of["join"], of["join_bias"])


def _normed(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    return functional.layer_norm(x, scale.shape, scale, shift)


def positions(length: int, like: Tensor) -> Tensor:
    """[length, width of `like`], its kind of number: sin and cos of the place, in pairs that turn ever more slowly."""
    width = like.shape[1]
    pace = torch.exp(torch.arange(0, width, 2, device=like.device) * (-math.log(SLOWEST) / width))
    angle = torch.arange(length, device=like.device).unsqueeze(1) * pace
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(1)[:, :width].to(like.dtype)
