"""Which rows make a batch.

Where tasks share one network, a batch is a set of rows for all of them: all rows shuffled, or what a sampler takes of each
unit of tasks (`mtl.training.samplers`). Where each task has a network of its own, each task gets its own labelled rows, so
that a row costs only the tasks that have its label: [task, row], −1 where a task has fewer. All make the same number of
steps an epoch from the same `batch_size`.

Rows of different length are dealt by length, so that a batch is little padded: shuffled, taken some batches at a time, sorted
within these, and the batches shuffled again. So many batches make a pool that an epoch has POOLS of them or more: with one
pool, a row would meet the same rows in every epoch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from mtl.training.apart import apart
from mtl.training.pairs import in_pairs

LEAST_STEPS = 8
"""Steps an epoch has at least: a small table then has smaller batches instead of hardly any update."""
POOL, POOLS = 16, 16
"""Batches whose rows are sorted together, at most; and how many such pools an epoch has, at least."""


def steps(labels: int, batch_size: int) -> int:
    """Steps an epoch over so many rows (or over the labels of the task that has most)."""
    return max(1, -(-labels // batch_size), min(LEAST_STEPS, labels))


def joint(
    mask: Tensor, count: int, generator: torch.Generator | None, lengths: Tensor | None = None, alike: Tensor | None = None
) -> Iterator[Tensor]:
    """All rows with any label, dealt into `count` batches [batch]; in their own order without a generator. `alike` [rows]:
    identities whose rows come in pairs, −1 where a row has none."""
    rows, lengths = _shuffled(mask.any(0).nonzero().flatten().cpu(), generator, lengths, alike)
    for part in dealt([rows], count, generator, lengths):
        yield part.to(mask.device)


def own(
    mask: Tensor,
    count: int,
    generator: torch.Generator | None,
    lengths: Tensor | None = None,
    alike: Mapping[int, Tensor] | None = None,
) -> Iterator[Tensor]:
    """Each task's labelled rows, dealt evenly into `count` batches [task, batch], −1 where a task has fewer. `alike`: such
    identities by the place of their task."""
    shuffled = (_shuffled(row.nonzero().flatten(), generator, lengths, (alike or {}).get(t)) for t, row in enumerate(mask.cpu()))
    each = [dealt([rows], count, generator, their_lengths) for rows, their_lengths in shuffled]
    for parts in zip(*each, strict=True):
        widest = max(1, *(len(part) for part in parts))
        yield torch.stack([torch.nn.functional.pad(part, (0, widest - len(part)), value=-1) for part in parts]).to(mask.device)


def dealt(draws: Sequence[Tensor], count: int, generator: torch.Generator | None, lengths: Tensor | None) -> list[Tensor]:
    """Rows in `count` batches of equal size, one more or less, in the order in which they come; of several `draws` (int64
    [rows] each, of one unit) each batch has its share, and no row twice. By length, if there are lengths and a generator."""
    rows, of = torch.cat(list(draws)), torch.arange(len(draws)).repeat_interleave(torch.tensor([len(one) for one in draws]))
    if len(draws) > 1:
        rows, of = _evenly(rows, of, torch.rand(len(draws), generator=generator, dtype=torch.float64), count)
    parts = list(zip(rows.tensor_split(count), of.tensor_split(count), strict=True))
    if lengths is None or generator is None:
        return [part for part, _ in parts]
    each = max(1, min(POOL, count // POOLS))
    pools = [parts[start : start + each] for start in range(0, count, each)]
    sorted_parts = [part for pool in pools for part in _by_length(pool, lengths, len(draws))]
    return [sorted_parts[i] for i in torch.randperm(count, generator=generator)]


def _shuffled(
    rows: Tensor, generator: torch.Generator | None, lengths: Tensor | None, alike: Tensor | None
) -> tuple[Tensor, Tensor | None]:
    """Rows as they come, and the lengths by which they may be dealt."""
    if generator is None:
        return rows, lengths
    if alike is not None:
        return in_pairs(rows, alike, lengths, generator)
    return rows[torch.randperm(len(rows), generator=generator)], lengths


def _by_length(pool: Sequence[tuple[Tensor, Tensor]], lengths: Tensor, units: int) -> list[Tensor]:
    """The rows of some batches, each with its unit, in as many batches of rows of like length; each with its share of units."""
    rows, of = (torch.cat(parts) for parts in zip(*pool, strict=True))
    order = torch.argsort(lengths[rows], stable=True)
    rows, of = rows[order], of[order]
    if units > 1:
        rows, of = _evenly(rows, of, torch.full((units,), 0.5, dtype=torch.float64), len(pool))
    return list(rows.tensor_split(len(pool)))


def _evenly(rows: Tensor, of: Tensor, start: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Rows and their units in an order in which every stretch has each unit's share, and none of `count` batches a row twice;
    but for that those of one unit keep their order.

    `start` [unit], from 0 to 1: where a unit's first row stands between two of its own.
    """
    sizes = torch.bincount(of, minlength=len(start))
    together = torch.argsort(of, stable=True)
    rank = torch.empty_like(of)
    rank[together] = torch.arange(len(of)) - (sizes.cumsum(0) - sizes).repeat_interleave(sizes)
    order = torch.argsort((rank + start[of]) / sizes[of], stable=True)
    order = order[apart(rows[order], of[order], count)]
    return rows[order], of[order]
