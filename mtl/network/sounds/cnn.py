"""cnn: a small stack of convolutions over moments and bands, 3 by 3, each with ReLU.

Each layer leaves every second band, the first two layers also every second moment; layers behind the first have twice its
channels. Steps of two do what pooling would (Springenberg et al. 2014, arXiv:1412.6806) for a quarter of the time. Without
normalisation: of a speaker nobody had heard, over spoken digits, batch and layer normalisation cost accuracy (.77 and .84
against .85).

Recordings lie one behind the other on one long line, with so many zeros in between, made anew before every layer, that none
hears its neighbour: no time goes into the padding of a batch, and nothing hangs on it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from mtl.network.sequences.base import Weights
from mtl.network.sequences.layout import Layout
from mtl.network.sounds.base import SoundNetwork

WIDTH = 3
"""Moments, and bands, that a convolution reads."""
HALVINGS = 2
"""Layers that leave every second moment."""
ROUNDED = 128
"""A line is a multiple of so many moments: of every new length PyTorch makes a new convolution, which takes milliseconds."""


class Cnn(SoundNetwork):
    """`layers` convolutions, of `channels` and then twice as many."""

    def __init__(self, options: Mapping[str, float], mels: int, copies: int, dropout: float) -> None:
        super().__init__(options, mels, copies, dropout)
        channels, layers = int(options["channels"]), int(options["layers"])
        makes = [channels, *[2 * channels] * (layers - 1)]
        reads = [1, *makes[:-1]]
        self.weight = nn.ParameterList(_start(copies, *each) for each in zip(makes, reads, strict=True))
        self.bias = nn.ParameterList(torch.zeros(copies, one) for one in makes)
        self.steps = [2] * min(HALVINGS, layers) + [1] * (layers - HALVINGS)
        for _ in makes:
            mels = -(-mels // 2)
        self.size = makes[-1] * mels

    def left(self, lengths: Tensor) -> Tensor:
        return -(-lengths // math.prod(self.steps))

    def forward(self, x: Tensor, layout: Layout, left: Layout, weights: Weights) -> Tensor:
        step = math.prod(self.steps)
        cells = (left.counts + 1) * step  # each recording's part of the line: what it fills in the end, and a gap
        begins = cells.cumsum(0) - cells
        long = -(-int(((left.lengths + 1) * step).sum()) // ROUNDED) * ROUNDED
        line = x.new_zeros(long, x.shape[1]).index_copy(0, begins.index_select(0, layout.row) + layout.place, x)
        line, lengths = line.view(1, 1, long, -1), layout.counts
        for i, step in enumerate(self.steps):
            made = functional.conv2d(line, weights[f"weight.{i}"], weights[f"bias.{i}"], (step, 2), WIDTH // 2)
            begins, cells, lengths = begins // step, cells // step, -(-lengths // step)
            if i + 1 < len(self.steps):  # in place: nobody asks for what a convolution made
                line = functional.relu_(made.mul_(_inside(made.shape[2], begins, cells, lengths)[None, None, :, None]))
        at = begins.index_select(0, left.row) + left.place
        return functional.relu(made.squeeze(0).index_select(1, at)).transpose(0, 1).flatten(1)


def _inside(long: int, begins: Tensor, cells: Tensor, lengths: Tensor) -> Tensor:
    """bool [long]: whether a moment of the line is one of a recording, each of which has the first `lengths` of its cell."""
    at = torch.arange(long, device=begins.device)
    mine = torch.bucketize(at, begins + cells, right=True).clamp(max=len(begins) - 1)
    return at - begins.index_select(0, mine) < lengths.index_select(0, mine)


def _start(copies: int, makes: int, reads: int) -> nn.Parameter:
    """He et al. 2015 (arXiv:1502.01852, eq. 10): what ReLU lets through keeps its spread."""
    spread = math.sqrt(2 / (reads * WIDTH**2))
    return nn.Parameter(spread * torch.randn(copies, makes, reads, WIDTH, WIDTH))
