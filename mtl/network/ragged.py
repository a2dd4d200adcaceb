"""Rows of different length on the device: kept one behind the other, padded only in the batch that needs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

TOKENS = 1 << 16
"""Tokens that a network reads together at most, where nothing is learned from them."""
PADDING = 0
"""What fills a row up to the longest of its batch; no value of a row is 0."""


@dataclass(frozen=True)
class RaggedTensor:
    """values int32 [all rows' values]; offsets int64 [rows + 1], from 0."""

    values: Tensor
    offsets: Tensor

    @property
    def lengths(self) -> Tensor:
        """int64 [rows]"""
        return self.offsets.diff()

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def to(self, device: torch.device) -> RaggedTensor:
        return RaggedTensor(self.values.to(device), self.offsets.to(device))

    def padded(self, rows: Tensor) -> Tensor:
        """rows int64 [any shape] → int64 [the same shape, longest of these rows (1 at least)], PADDING behind each row's end.

        A row of number −1 has nothing but padding.
        """
        known = rows.clamp(min=0)
        begin = self.offsets[known]
        lengths = (self.offsets[known + 1] - begin) * (rows >= 0)
        place = torch.arange(max(1, int(lengths.max())) if lengths.numel() else 1, device=rows.device)
        there = place < lengths.unsqueeze(-1)
        at = (begin.unsqueeze(-1) + place).clamp(max=max(0, len(self.values) - 1))
        found = self.values[at] if len(self.values) else torch.zeros_like(at, dtype=self.values.dtype)
        return torch.where(there, found.long(), PADDING)


def take(held: Tensor | RaggedTensor, rows: Tensor) -> Tensor:
    """Some rows of what is held: rows [batch] → [1, batch, …]; rows [task, batch] → [task, batch, …].

    In place of a row −1, where a task has fewer than others, stands the first one; of rows of different length, an empty one.
    """
    shaped = rows if rows.dim() == 2 else rows.unsqueeze(0)
    if isinstance(held, RaggedTensor):
        return held.padded(shaped)
    return held.index_select(0, shaped.flatten().clamp(min=0)).view(*shaped.shape, *held.shape[1:])


def take_inputs(inputs: Mapping[str, Mapping[str, Tensor | RaggedTensor]], rows: Tensor) -> dict[str, dict[str, Tensor]]:
    """`take` of everything that inputs hold."""
    return {name: {key: take(held, rows) for key, held in of.items()} for name, of in inputs.items()}


def row_lengths(inputs: Mapping[str, Mapping[str, Tensor | RaggedTensor]]) -> Tensor | None:
    """int64 [rows]: how many values of different length each row has, over all inputs; None where all rows are alike."""
    found = [held.lengths for of in inputs.values() for held in of.values() if isinstance(held, RaggedTensor)]
    return torch.stack(found).sum(0) if found else None


def rows_at_once(most: int, lengths: Tensor | None, copies: int = 1) -> int:
    """How many rows fit into one batch: `most`, or fewer where they are long, so that memory does not grow with their length."""
    longest = 0 if lengths is None or not len(lengths) else int(lengths.max())
    return max(1, most if longest == 0 else min(most, TOKENS // (longest * copies)))


def rows_in(inputs: Mapping[str, Mapping[str, Tensor | RaggedTensor]]) -> int:
    """How many rows inputs hold."""
    return len(next(iter(next(iter(inputs.values())).values())))
