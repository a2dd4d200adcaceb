"""Dropout for many members: on a CPU, PyTorch's own takes twice as long as the matrix product before it.

Each number is dropped by one random byte instead of one random float: a fifth of the time. The probability is then one
of 256ths; what stays is scaled by that very one, so that the mean is as it should be.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def dropout(x: Tensor, p: float) -> Tensor:
    """x with numbers set to 0 at the rate p (to the nearest 256th on a CPU), the others divided by 1 − p."""
    cut = round(256 * p)
    if cut == 0 or x.device.type != "cpu":
        return functional.dropout(x, p, p > 0)
    return x * _kept(x.numel(), cut).view_as(x)


def _kept(count: int, cut: int) -> Tensor:
    """float32 [count]: 0 where a random byte is below `cut`, else 256 / (256 − cut)."""
    scale = 256 / (256 - cut)
    random = torch.empty(-(-count // 8), dtype=torch.int64).random_(-(2**63), None).view(torch.uint8)[:count]
    steep = random.float().mul_(2 * scale).add_((0.75 - cut) * 2 * scale)  # below 0 for bytes below cut, above scale from cut on
    return steep.clamp_(0, scale)
