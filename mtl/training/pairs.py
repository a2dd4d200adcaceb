"""Rows of one identity in pairs, so that what is learned from which rows are alike finds alike ones in a batch.

Of 242 identities with 13 rows each, a random batch of 64 rows leaves one row in five a partner.
"""

from __future__ import annotations

import torch
from torch import Tensor


def in_pairs(rows: Tensor, identity: Tensor, lengths: Tensor | None, generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
    """Some rows (int64) in random order, in which rows of an identity stand two by two, the last of an odd number alone.

    identity int64 [all rows], −1: none, such a row stands alone. lengths [all rows] come back with each row's the longer one's
    of its pair, so that who sorts by them, stably, leaves pairs together.
    """
    shuffled = rows[torch.randperm(len(rows), generator=generator)]
    shuffled = shuffled[torch.argsort(identity[shuffled], stable=True)]
    of = identity[shuffled]
    first = ((torch.arange(len(of)) - torch.searchsorted(of, of)) % 2 == 0) | (of < 0)
    pair = first.cumsum(0) - 1
    order = torch.argsort(torch.randperm(int(first.sum()), generator=generator)[pair], stable=True)
    if lengths is None:
        return shuffled[order], None
    longer = torch.zeros(int(first.sum()), dtype=lengths.dtype).scatter_reduce(0, pair, lengths[shuffled], "amax")
    return shuffled[order], lengths.scatter(0, shuffled, longer[pair])
