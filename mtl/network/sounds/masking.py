"""SpecAugment (Park et al. 2019, arXiv:1904.08779): in training, bands of frequency and spans of time are blanked out.

Widths are drawn evenly from 0 to the widest, places evenly among those that there are, for each recording its own; what is
blanked out is 0, the recording's mean. Time warping is left out: the authors found that it gives least for what it costs.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from mtl.network.sequences.layout import Layout


def masked(x: Tensor, layout: Layout, augment: Mapping[str, float]) -> Tensor:
    """x [moment, mels] with masks, drawn by torch's generator.

    `augment`: `masks`, how many of both kinds; `band` and `span`, the widest as a share of the bands and of the recording.
    """
    bands, mels = torch.arange(x.shape[1], device=x.device), torch.full_like(layout.counts, x.shape[1])
    for _ in range(int(augment["masks"])):
        low, high = _stretch(mels, augment["band"])
        of_bands = (bands < low.unsqueeze(1)) | (bands >= high.unsqueeze(1))
        begin, end = (of.index_select(0, layout.row) for of in _stretch(layout.counts, augment["span"]))
        of_moments = (layout.place < begin) | (layout.place >= end)
        x = x * of_bands.index_select(0, layout.row) * of_moments.unsqueeze(1)
    return x


def _stretch(of: Tensor, widest: float) -> tuple[Tensor, Tensor]:
    """First place and end of one stretch of at most `widest` of so many places [row], 0 places long at least."""
    width, place = torch.rand(2, len(of), device=of.device)
    long = (width * ((of * widest).floor() + 1)).floor()
    begin = (place * (of - long + 1)).floor()
    return begin, begin + long
