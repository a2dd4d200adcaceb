"""cnn: a small residual network (He et al. 2016, arXiv:1603.05027: normalise and activate before each convolution).

A first convolution leaves every second row and column (every fourth of large pictures), and so does each stage but the first,
which has twice the channels of the one before. Groups of channels are normalised (Wu & He 2018, arXiv:1803.08494): a picture's
numbers then hang on no other picture, and copies and checkpoints have nothing to keep but weights. At the end the picture is
averaged over the fields of a grid, so that it stays known where something was: of two garments in one picture, or of none, one
average over all says which, and not where.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from mtl.network.input_plans import ImagePlan
from mtl.network.layers import uniform
from mtl.network.pictures.base import PictureNetwork, channel_groups
from mtl.network.sequences.base import Weights

LARGE, SMALL = 96, 24
"""Least side from which the first convolution leaves every fourth row, and below which it leaves all."""


class Cnn(PictureNetwork):
    """`stages` of `blocks` of two convolutions each, the first stage of `width` channels; `grid` · `grid` fields."""

    fields: Tensor
    columns: Tensor

    def __init__(self, plan: ImagePlan, copies: int) -> None:
        super().__init__(plan, copies)
        options, channels, sides = dict(plan.options), len(plan.mean), plan.size
        width, stages, blocks, grid = (int(options[name]) for name in ("width", "stages", "blocks", "grid"))
        side = min(sides)
        self.stride = 1 if side < SMALL else 2 if side < LARGE else 4
        self.stem = _kernel(copies, width, channels, 2 * self.stride + 1)
        made = [(width * 2**stage, block == 0 and stage > 0) for stage in range(stages) for block in range(blocks)]
        reads = [width, *(one for one, _ in made[:-1])]
        self.halves = [halved for _, halved in made]
        self.first = nn.ParameterList(_kernel(copies, one, read, 3) for (one, _), read in zip(made, reads, strict=True))
        self.second = nn.ParameterList(_kernel(copies, one, one, 3) for one, _ in made)
        self.skip = nn.ParameterDict(
            {str(i): _kernel(copies, one, reads[i], 1) for i, (one, _) in enumerate(made) if one != reads[i]}
        )
        norms = [c for (one, _), read in zip(made, reads, strict=True) for c in (read, one)] + [made[-1][0]]
        self.scale = nn.ParameterList(torch.ones(copies, c) for c in norms)
        self.shift = nn.ParameterList(torch.zeros(copies, c) for c in norms)
        left = [-(-one // (self.stride * 2 ** sum(self.halves))) for one in sides]
        for name, length in zip(("fields", "columns"), left, strict=True):
            self.register_buffer(name, _fields(grid, length), persistent=False)
        self.size = made[-1][0] * grid**2

    def forward(self, x: Tensor, weights: Weights) -> Tensor:
        x = functional.conv2d(x, weights["stem"], stride=self.stride, padding=self.stride)
        x = x.contiguous(memory_format=torch.channels_last)  # a third of the time on a CPU
        for i, halved in enumerate(self.halves):
            x = self._block(x, i, halved, weights)
        x = self._ready(x, 2 * len(self.halves), weights)
        return (self.fields @ x @ self.columns.T).flatten(1)

    def _block(self, x: Tensor, i: int, halved: bool, weights: Weights) -> Tensor:
        """x plus two convolutions of it; both leave every second row and column if `halved`."""
        y = functional.conv2d(self._ready(x, 2 * i, weights), weights[f"first.{i}"], stride=2 if halved else 1, padding=1)
        y = functional.conv2d(self._ready(y, 2 * i + 1, weights), weights[f"second.{i}"], padding=1)
        x = functional.avg_pool2d(x, 2, ceil_mode=True) if halved else x
        return (functional.conv2d(x, weights[f"skip.{i}"]) if f"skip.{i}" in weights else x) + y

    def _ready(self, x: Tensor, i: int, weights: Weights) -> Tensor:
        """x normalised and activated."""
        return functional.silu(functional.group_norm(x, channel_groups(x.shape[1]), weights[f"scale.{i}"], weights[f"shift.{i}"]))


def _kernel(copies: int, makes: int, reads: int, side: int) -> nn.Parameter:
    """PyTorch's own start of a convolution, for each copy."""
    return nn.Parameter(uniform(reads * side**2, copies, makes, reads, side, side))


def _fields(grid: int, length: int) -> Tensor:
    """float32 [grid, length]: row i averages the places of its field; fields cover all, evenly, and may share a place."""
    found = torch.zeros(grid, length)
    for i in range(grid):
        begin, end = i * length // grid, -(-(i + 1) * length // grid)
        found[i, begin:end] = 1 / (end - begin)
    return found
