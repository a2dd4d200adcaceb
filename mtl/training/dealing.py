"""Which rows make a batch.

Where tasks share one network, a batch is a set of rows for all of them. Where each task has a network of its own, each
task gets its own labelled rows, so that a row costs only the tasks that have its label: [task, row], −1 where a task
has fewer. Both make the same number of steps an epoch from the same `batch_size`.

Rows of different length are dealt by length, so that a batch is hardly padded: shuffled, taken POOL batches at a time,
sorted within these, and the batches shuffled again.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

LEAST_STEPS = 8
"""Steps an epoch has at least: a small table then has smaller batches instead of hardly any update."""
POOL = 32
"""Batches whose rows are sorted together: more pad less and mix less."""


def steps(labels: int, batch_size: int) -> int:
    """Steps an epoch over so many rows (or over the labels of the task that has most)."""
    return max(1, -(-labels // batch_size), min(LEAST_STEPS, labels))


def joint(mask: Tensor, count: int, generator: torch.Generator | None, lengths: Tensor | None = None) -> Iterator[Tensor]:
    """All rows with any label, dealt into `count` batches [batch]; without a generator in their own order, or by length."""
    rows = mask.any(0).nonzero().flatten().cpu()
    for part in _dealt(rows, count, generator, lengths):
        yield part.to(mask.device)


def own(mask: Tensor, count: int, generator: torch.Generator | None, lengths: Tensor | None = None) -> Iterator[Tensor]:
    """Each task's labelled rows, dealt evenly into `count` batches [task, batch], −1 where a task has fewer."""
    dealt = [_dealt(row.nonzero().flatten(), count, generator, lengths) for row in mask.cpu()]
    for parts in zip(*dealt, strict=True):
        widest = max(1, *(len(part) for part in parts))
        yield torch.stack([torch.nn.functional.pad(part, (0, widest - len(part)), value=-1) for part in parts]).to(mask.device)


def _dealt(rows: Tensor, count: int, generator: torch.Generator | None, lengths: Tensor | None) -> list[Tensor]:
    """Rows in `count` parts of equal size, one more or less."""
    shuffled = rows if generator is None else rows[torch.randperm(len(rows), generator=generator)]
    if lengths is None:
        return list(shuffled.tensor_split(count))
    if generator is None:
        return list(_sorted(shuffled, lengths).tensor_split(count))
    parts = shuffled.tensor_split(count)
    pools = [torch.cat(parts[start : start + POOL]) for start in range(0, count, POOL)]
    dealt = [part for i, pool in enumerate(pools) for part in _sorted(pool, lengths).tensor_split(min(POOL, count - i * POOL))]
    return [dealt[i] for i in torch.randperm(count, generator=generator)]


def _sorted(rows: Tensor, lengths: Tensor) -> Tensor:
    return rows[torch.argsort(lengths[rows], stable=True)]
