"""Piecewise-linear embeddings of numbers (Gorishniy et al. 2022, arXiv:2203.05556, section 3.2), in stacked copies.

Version "B" of the package `rtdl_num_embeddings`, the one that TabM takes: a number x becomes slope · x + offset, plus
its piecewise-linear encoding (eq. 1: 1 for each bin below x, the share of the way through its own bin, 0 above) times
a matrix that starts at 0. Below the first edge and above the last the encoding goes on as a straight line.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mtl.network.layers import uniform


class PiecewiseLinear(nn.Module):
    """Each numeric column as `width` numbers, each copy with its own weights."""

    left: Tensor
    rise: Tensor
    low: Tensor
    high: Tensor

    def __init__(self, edges: Sequence[Sequence[float]], width: int, copies: int) -> None:
        """`edges` of each column's bins, rising, in the unit of x; a column without bins has the straight line only."""
        super().__init__()
        most = max(1, *(len(one) - 1 for one in edges))
        self.slope = nn.Parameter(uniform(width, copies, len(edges), 1, width))
        self.offset = nn.Parameter(uniform(width, copies, len(edges), 1, width))
        self.weight = nn.Parameter(torch.zeros(copies, len(edges), most, width))
        for name, of_bins in zip(("left", "rise", "low", "high"), _lines(edges, most), strict=True):
            self.register_buffer(name, of_bins.float().unsqueeze(1), persistent=False)

    def encode(self, x: Tensor) -> Tensor:
        """x [copies or 1, column, batch, 1] → its piecewise-linear encoding [copies or 1, column, batch, bin]."""
        return torch.clamp((x - self.left) * self.rise, self.low, self.high)

    def forward(self, x: Tensor, missing: Tensor) -> Tensor:
        """x and missing (1 where there is no x) [copies or 1, batch, column] → [copies, batch, column · width].

        One copy takes x of any number of viewers. A missing number becomes zeros: what it means stands in the indicator
        beside it, which has weights of its own.
        """
        copies, columns, bins, width = self.weight.shape
        if len(x) > copies:
            rows = self(*(one.flatten(0, 1).unsqueeze(0) for one in (x, missing)))
            return torch.unflatten(rows.squeeze(0), 0, x.shape[:2])
        x = x.transpose(1, 2).unsqueeze(-1)
        encoded = self.encode(x).expand(copies, -1, -1, -1).reshape(copies * columns, -1, bins)
        line = torch.addcmul(self.offset, self.slope, x).flatten(0, 1)
        made = torch.baddbmm(line, encoded, self.weight.flatten(0, 1)).view(copies, columns, -1, width)
        return (made.transpose(1, 2) * (1 - missing).unsqueeze(-1)).flatten(-2)


def _lines(edges: Sequence[Sequence[float]], most: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of each column's bins, float64 [column, bin]: the line (x − left) · rise and its limits; all 0 beyond the last bin."""
    left, rise, low, high = torch.zeros(4, len(edges), most, dtype=torch.float64)
    for column, one in enumerate(edges):
        at = torch.tensor(one, dtype=torch.float64)
        bins = max(len(one) - 1, 0)
        left[column, :bins], rise[column, :bins] = at[:-1], 1 / at.diff()
        high[column, :bins] = 1.0
        if bins:
            low[column, 0], high[column, bins - 1] = -torch.inf, torch.inf
    return left, rise, low, high
