"""Pictures as they might have been taken: turned, moved, the other way round. In training only, drawn by torch's generator."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional


def shaken(x: Tensor, augment: Mapping[str, float]) -> Tensor:
    """Pictures x [picture, channels, height, width] → the same, each changed in its own way; what comes in repeats the edge.

    `augment`: `flip` (1: every other one left to right), `shift` in whole pixels and `rotate` in degrees, at most.
    """
    if not any(augment.values()):
        return x
    rows, height, width = len(x), x.shape[2], x.shape[3]
    drawn = torch.rand(4, rows, device=x.device)
    turn = (2 * drawn[0] - 1) * math.radians(augment["rotate"])
    way = torch.where(drawn[1] < 0.5 * augment["flip"], -1.0, 1.0)
    most = augment["shift"]
    down, right = ((one * (2 * most + 1)).floor() - most for one in drawn[2:])
    y, x_ = (torch.arange(size, device=x.device) - (size - 1) / 2 for size in (height, width))
    cos, sin = (one[:, None, None] for one in (turn.cos(), turn.sin()))
    across = way[:, None, None] * (cos * x_ - sin * y[:, None]) + right[:, None, None]  # from the middle, in pixels
    along = sin * x_ + cos * y[:, None] + down[:, None, None]
    places = torch.stack([across * 2 / width, along * 2 / height], -1)
    return functional.grid_sample(x, places, mode="bilinear", padding_mode="border", align_corners=False)
