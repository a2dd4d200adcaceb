"""Tokens of many rows one behind the other: networks over tokens then spend nothing on the padding of a batch.

Only what needs rows side by side (attention, the largest of a row) pads them, and takes them apart again.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor


@dataclass(frozen=True)
class Layout:
    """Where tokens lie: first all of the first row, then all of the second; a row without any is left out.

    Everything is found from lengths that lie on the CPU, so that a GPU need not wait.
    """

    lengths: Tensor
    """int64 [row] on the CPU, 1 at least."""
    row: Tensor
    """int64 [token]: the row that it belongs to."""
    place: Tensor
    """int64 [token]: how many of its row come before it."""
    among: Tensor | None
    """int64 [row]: its place in the batch; None where every row of the batch has tokens."""
    batch: int

    @classmethod
    def of(cls, lengths: Tensor, device: torch.device) -> Layout:
        """Of a batch's `lengths` int64 [batch] on the CPU, 0 for a row without tokens."""
        there = lengths.nonzero().squeeze(1)
        among = there.to(device, non_blocking=True) if len(there) < len(lengths) else None
        kept = lengths[there]
        on_device = kept.to(device, non_blocking=True)
        row = torch.arange(len(kept), device=device).repeat_interleave(on_device, output_size=int(kept.sum()))
        place = torch.arange(len(row), device=device) - (on_device.cumsum(0) - on_device).index_select(0, row)
        return cls(kept, row, place, among, len(lengths))

    @cached_property
    def longest(self) -> int:
        return int(self.lengths.max())

    @cached_property
    def counts(self) -> Tensor:
        """The lengths, on the device."""
        return self.lengths.to(self.row.device, non_blocking=True)

    @cached_property
    def begins(self) -> Tensor:
        """int64 [batch]: how many tokens come before each row of the batch."""
        counts = self.spread(self.counts)
        return counts.cumsum(0) - counts

    @cached_property
    def there(self) -> Tensor:
        """bool [row, longest]: whether a row has so many tokens."""
        return torch.arange(self.longest, device=self.row.device) < self.counts.unsqueeze(1)

    @cached_property
    def padded_at(self) -> Tensor:
        """int64 [token]: its place among [row, longest], flattened."""
        return self.row * self.longest + self.place

    def pack(self, x: Tensor) -> Tensor:
        """x [batch, length, …] of the whole batch → [token, …]."""
        row = self.row if self.among is None else self.among.index_select(0, self.row)
        return x.flatten(0, 1).index_select(0, row * x.shape[1] + self.place)

    def pad(self, x: Tensor, fill: float = 0.0) -> Tensor:
        """x [token, …] → [row, longest, …], `fill` behind each row's end."""
        rows = len(self.lengths)
        padded = x.new_full((rows * self.longest, *x.shape[1:]), fill).index_copy(0, self.padded_at, x)
        return padded.view(rows, self.longest, *x.shape[1:])

    def unpad(self, x: Tensor) -> Tensor:
        """x [row, longest, …] → [token, …]"""
        return x.flatten(0, 1).index_select(0, self.padded_at)

    def sum(self, x: Tensor) -> Tensor:
        """x [token, size] → the sum over each row's tokens [row, size], float32 at least."""
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        return wide.new_zeros(len(self.lengths), x.shape[1]).index_add(0, self.row, wide)

    def spread(self, x: Tensor) -> Tensor:
        """x [row, …] → [batch, …], zeros for rows without tokens."""
        return x if self.among is None else x.new_zeros(self.batch, *x.shape[1:]).index_copy(0, self.among, x)
