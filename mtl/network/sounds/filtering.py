"""FilterAugment (Nam et al. 2022, arXiv:2110.03282, linear type): in training, each recording as through a filter of its own.

Frequencies fall into 3 to 6 parts, whose borders are drawn evenly among the bands. At each border, and at both ends, a gain in
decibels is drawn evenly from −widest to widest; between borders it changes along a straight line.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mtl.network.sequences.layout import Layout

FEWEST, MOST = 3, 6
"""Parts of the frequencies, as the authors chose them."""
DECIBEL = math.log(10) / 10
"""What is added to the natural logarithm of a power that grows by one decibel."""


def filtered(x: Tensor, layout: Layout, widest: float) -> Tensor:
    """x [moment, mels], natural logarithms of power, each recording with gains of at most `widest` decibels in its bands, drawn by
    torch's generator."""
    return x + gains(len(layout.counts), x.shape[1], widest).to(x).index_select(0, layout.row)


def gains(recordings: int, mels: int, widest: float) -> Tensor:
    """float32 [recording, mels], to be added to natural logarithms of power."""
    parts = torch.randint(FEWEST, MOST + 1, (recordings, 1))
    inner = torch.rand(recordings, MOST - 1).where(torch.arange(1, MOST) < parts, 1.0).sort(1).values  # 1.0: no border there
    borders = torch.cat([torch.zeros(recordings, 1), inner, torch.ones(recordings, 1)], 1)
    heights = (2 * torch.rand(recordings, MOST + 1) - 1) * widest * DECIBEL
    bands = torch.linspace(0, 1, mels).expand(recordings, mels).contiguous()
    right = torch.searchsorted(borders, bands).clamp(1, MOST)
    low, high = borders.gather(1, right - 1), borders.gather(1, right)
    share = ((bands - low) / (high - low).clamp(min=1e-6)).clamp(0, 1)
    return torch.lerp(heights.gather(1, right - 1), heights.gather(1, right), share)
