"""Rows of different length on the device: kept one behind the other, padded only in the batch that needs them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

TOKENS = 1 << 16
"""Tokens that a network reads together at most, where nothing is learned from them."""
LENGTH = "_length"
"""What a batch calls the number of blocks, behind the key of the blocks."""
FILLED = "filled"
PADDING = 0
"""What fills a row up to the longest of its batch; no value of a row is 0."""


@dataclass(frozen=True)
class RaggedTensor:
    """values int32 [all rows' values, …]; offsets int64 [rows + 1], from 0."""

    values: Tensor
    offsets: Tensor

    @classmethod
    def of(cls, values: np.ndarray[Any, Any], offsets: np.ndarray[Any, Any]) -> RaggedTensor:
        """A copy, since arrays on disk cannot be written to and torch asks for such that can."""
        return cls(torch.from_numpy(values.astype(np.int32)), torch.from_numpy(offsets.astype(np.int64)))

    @property
    def lengths(self) -> Tensor:
        """int64 [rows]"""
        return self.offsets.diff()

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def to(self, device: torch.device) -> RaggedTensor:
        return RaggedTensor(self.values.to(device), self.offsets.to(device))

    def padded(self, rows: Tensor) -> Tensor:
        """rows int64 [any shape] → int64 [the same shape, longest of these rows (1 at least), …], PADDING behind each row's end.

        A row of number −1 has nothing but padding.
        """
        found, there = self._laid(rows)
        return torch.where(there.view(*there.shape, *[1] * (found.dim() - there.dim())), found.long(), PADDING)

    def lengths_of(self, rows: Tensor) -> Tensor:
        """rows int64 [any shape] → int64 [the same shape]: how many values each has, 0 for a row of number −1."""
        known = rows.clamp(min=0)
        return (self.offsets[known + 1] - self.offsets[known]) * (rows >= 0)

    def _laid(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Values [rows' shape, longest, …], any behind a row's end, and whether they are its own, bool [rows' shape, longest]."""
        lengths = self.lengths_of(rows)
        place = torch.arange(max(1, int(lengths.max())) if lengths.numel() else 1, device=rows.device)
        at = (self.offsets[rows.clamp(min=0)].unsqueeze(-1) + place).clamp(max=max(0, len(self.values) - 1))
        found = self.values[at] if len(self.values) else self.values.new_zeros(*at.shape, *self.values.shape[1:])
        return found, place < lengths.unsqueeze(-1)


@dataclass(frozen=True)
class RaggedBlocks(RaggedTensor):
    """Rows of so many samples that they are kept in blocks: values [all rows' blocks, size], of any type; a row counts by its
    blocks, not by its samples. A block may hold nothing but zeros, so that a batch says beside it how many each row has."""

    def to(self, device: torch.device) -> RaggedBlocks:
        return RaggedBlocks(self.values.to(device), self.offsets.to(device))

    def padded(self, rows: Tensor) -> Tensor:
        """rows int64 [any shape] → [the same shape, longest of these rows (1 at least), size], zeros behind each row's end."""
        found, there = self._laid(rows)
        return found * there.unsqueeze(-1)


def take(held: Tensor | RaggedTensor, rows: Tensor) -> Tensor:
    """Some rows of what is held: rows [batch] → [1, batch, …]; rows [task, batch] → [task, batch, …].

    In place of a row −1, where a task has fewer than others, stands the first one; of rows of different length, an empty one.
    """
    shaped = rows if rows.dim() == 2 else rows.unsqueeze(0)
    if isinstance(held, RaggedTensor):
        return held.padded(shaped)
    return held.index_select(0, shaped.flatten().clamp(min=0)).view(*shaped.shape, *held.shape[1:])


def together(padded: Sequence[Tensor]) -> Tensor:
    """Some [batch, longest], each padded to its own longest row → [some, batch, longest of all]."""
    longest = max(one.shape[-1] for one in padded)
    return torch.stack([functional.pad(one, (0, longest - one.shape[-1]), value=PADDING) for one in padded])


def take_inputs(inputs: Mapping[str, Mapping[str, Tensor | RaggedTensor]], rows: Tensor) -> dict[str, dict[str, Tensor]]:
    """`take` of everything that inputs hold; beside blocks, as KEY_length, how many each row has, int64 [1 or task, batch]; where
    tasks have rows of their own, as FILLED, which places hold one, bool [task, batch]."""
    return {name: dict(_taken(of, rows)) for name, of in inputs.items()}


def _taken(of: Mapping[str, Tensor | RaggedTensor], rows: Tensor) -> Iterator[tuple[str, Tensor]]:
    for key, held in of.items():
        yield key, take(held, rows)
        if isinstance(held, RaggedBlocks):
            yield key + LENGTH, held.lengths_of(rows if rows.dim() == 2 else rows.unsqueeze(0))
    if rows.dim() == 2:
        yield FILLED, rows >= 0


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
