"""cnn: parallel convolutions over 3, 4, 5, … tokens, each with ReLU (Kim 2014, arXiv:1408.5882).

Every token is a place of its own: what a convolution reads beyond the row's ends is zeros (the one more, of an even width,
behind it), so a row may be shorter than the widest. Rows lie one behind the other, with just so many zeros in between: one
long convolution, without any padding of a batch.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from mtl.network.layers import uniform
from mtl.network.sequences.base import SequenceNetwork, Weights
from mtl.network.sequences.layout import Layout

NARROWEST = 3
"""Tokens that the first of the convolutions reads; each further one reads one more."""


class Cnn(SequenceNetwork):
    """`kernels` convolutions of `channels` each, side by side."""

    def __init__(self, options: Mapping[str, float], copies: int, dropout: float) -> None:
        super().__init__(options, copies, dropout)
        embedding, channels, kernels = (int(options[name]) for name in ("embedding", "channels", "kernels"))
        self.widths = range(NARROWEST, NARROWEST + kernels)
        reads = [width * embedding for width in self.widths]
        self.weight = nn.ParameterList(uniform(n, copies, channels, embedding, n // embedding) for n in reads)
        self.bias = nn.ParameterList(uniform(n, copies, channels) for n in reads)
        self.size = kernels * channels

    def forward(self, x: Tensor, layout: Layout, weights: Weights) -> Tensor:
        gap = self.widths[-1] // 2  # what the widest reads behind a token; before it no more
        at = torch.arange(len(x), device=x.device) + gap * layout.row
        places = len(x) + gap * (len(layout.lengths) - 1)
        line = x.new_zeros(places + 2 * gap, x.shape[1]).index_copy(0, at + gap, x)
        line = line.T.contiguous().unsqueeze(0)  # once, and not in each convolution
        found = []
        for i, width in enumerate(self.widths):
            made = functional.conv1d(line, weights[f"weight.{i}"], weights[f"bias.{i}"]).squeeze(0)
            found.append(made.narrow(1, gap - (width - 1) // 2, places))
        return functional.relu(torch.cat(found).T.index_select(0, at))
