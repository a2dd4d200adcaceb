"""Which rows make a batch.

Where tasks share one network, a batch is a set of rows for all of them. Where each task has a network of its own, each
task gets its own labelled rows, so that a row costs only the tasks that have its label: [task, row], −1 where a task
has fewer. Both make the same number of steps an epoch from the same `batch_size`.

Rows of different length are dealt by length, so that a batch is little padded: shuffled, taken some batches at a time, sorted
within these, and the batches shuffled again. So many batches make a pool that an epoch has POOLS of them or more: with one
pool, a row would meet the same rows in every epoch.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

LEAST_STEPS = 8
"""Steps an epoch has at least: a small table then has smaller batches instead of hardly any update."""
POOL, POOLS = 16, 16
"""Batches whose rows are sorted together, at most; and how many such pools an epoch has, at least."""


def steps(labels: int, batch_size: int) -> int:
    """Steps an epoch over so many rows (or over the labels of the task that has most)."""
    return max(1, -(-labels // batch_size), min(LEAST_STEPS, labels))


def joint(mask: Tensor, count: int, generator: torch.Generator | None, lengths: Tensor | None = None) -> Iterator[Tensor]:
    """All rows with any label, dealt into `count` batches [batch]; in their own order without a generator."""
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
    if lengths is None or generator is None:
        return list(shuffled.tensor_split(count))
    each, parts = max(1, min(POOL, count // POOLS)), shuffled.tensor_split(count)
    pools = [parts[start : start + each] for start in range(0, count, each)]
    dealt = [part for pool in pools for part in _by_length(torch.cat(pool), lengths).tensor_split(len(pool))]
    return [dealt[i] for i in torch.randperm(count, generator=generator)]


def _by_length(rows: Tensor, lengths: Tensor) -> Tensor:
    return rows[torch.argsort(lengths[rows], stable=True)]
