"""The order in which a run goes through a unit's rows: shuffled, and shuffled anew each time all of them have come.

So over the epochs every row comes as often as any other, once more or less. Where it stands follows from how many rows came
before: a run that goes on in some epoch needs nothing of the epochs before it.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def visits(rows: Tensor, start: int, stop: int, seed: int, unit: int) -> Tensor:
    """int64 [stop − start]: rows `start` to `stop` (it is not among them) of the endless order of `rows`, which `seed` and the
    number `unit` decide."""
    if stop <= start:
        return rows[:0]
    size = len(rows)
    first, last = start // size, (stop - 1) // size
    passes = [_shuffled(rows, seed, unit, number) for number in range(first, last + 1)]
    return torch.cat(passes)[start - first * size : stop - first * size]


def _shuffled(rows: Tensor, seed: int, unit: int, number: int) -> Tensor:
    order = np.random.default_rng([seed % 2**63, unit, number]).permutation(len(rows))
    return rows[torch.from_numpy(order)]
