"""No row twice in a batch: where rows come several times in an epoch, those that stand twice in a batch change places."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache

import torch
from torch import Tensor


def apart(rows: Tensor, of: Tensor, count: int) -> Tensor:
    """Places of `rows` int64 [rows], each of a unit `of` [rows], in an order in which none of `count` equal batches has one twice.

    A row that a batch has twice changes places with one of the nearest batch that lacks it, of its own unit if there is such
    one; all others stay. No row may come more than `count` times.
    """
    order = torch.arange(len(rows))
    crowded = _crowded(rows, count)
    if not crowded:
        return order
    batches = _Batches([part.tolist() for part in order.tensor_split(count)], rows.tolist(), of.tolist())
    for batch in crowded:
        batches.settle(batch)
    return torch.tensor([place for part in batches.parts for place in part])


def _crowded(rows: Tensor, count: int) -> list[int]:
    """The batches that have some row twice."""
    sizes = torch.tensor([len(part) for part in rows.tensor_split(count)])
    numbers = int(rows.max()) + 1 if len(rows) else 1
    keys = (torch.arange(count).repeat_interleave(sizes) * numbers + rows).sort().values
    return sorted(set((keys[1:][keys.diff() == 0] // numbers).tolist()))


class _Batches:
    """Places of rows, batch by batch, and how often each batch has each row."""

    def __init__(self, parts: list[list[int]], row: list[int], unit: list[int]) -> None:
        self.parts, self.row, self.unit = parts, row, unit
        self.times = cache(lambda batch: Counter(row[place] for place in parts[batch]))

    def settle(self, batch: int) -> None:
        """Until it has no row twice; no other gets one."""
        for at in range(len(self.parts[batch])):
            while self.times(batch)[self.row[self.parts[batch][at]]] > 1:
                self._exchange(batch, at, *self._partner(batch, self.parts[batch][at]))

    def _partner(self, batch: int, place: int) -> tuple[int, int]:
        """The batch and the place in it that may take what stands at `place`."""
        here, row = self.times(batch), self.row
        for other in self._lacking(batch, row[place]):
            free = [at for at, one in enumerate(self.parts[other]) if not here[row[one]]]
            if free:
                return other, next((at for at in free if self.unit[self.parts[other][at]] == self.unit[place]), free[0])
        for other in self._lacking(batch, row[place]):  # all its rows are here too: as many as here, so that one stands twice
            for at, one in enumerate(self.parts[other]):
                if self.times(other)[row[one]] > 1:
                    return other, at
        raise AssertionError(f"row {row[place]} comes more often than there are batches")

    def _lacking(self, batch: int, row: int) -> Iterator[int]:
        """Batches without this row, the nearest first."""
        for away in range(1, len(self.parts)):
            near = (other for other in (batch + away, batch - away) if 0 <= other < len(self.parts))
            yield from (other for other in near if not self.times(other)[row])

    def _exchange(self, batch: int, at: int, other: int, there: int) -> None:
        ours, theirs = self.parts[batch], self.parts[other]
        ours[at], theirs[there] = theirs[there], ours[at]
        for one, came, went in ((batch, ours[at], theirs[there]), (other, theirs[there], ours[at])):
            self.times(one).update({self.row[came]: 1, self.row[went]: -1})
