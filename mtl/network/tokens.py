"""Tokens as rows: how a network reads a batch once for its rows and once for the tokens of each input that is tagged.

Every sharing works row by row, so a token that a task tags is a row like any other: it has its own representation of the
input that it stands in, and of all other inputs what its row has. Rows and tokens go through a sharing one after the other,
and not as one longer batch: what a row becomes then does not hang on how many tokens another input has, not even in its
last bit. Encoders read the batch once for both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from mtl.network.ragged import PADDING


@dataclass(frozen=True)
class TokenRows:
    """Which row of the batch each token is of, and where it stands in it."""

    row: Tensor
    """int64 [1 or task, token]; where a task has fewer tokens than others, the first row."""
    place: Tensor
    """int64 [1 or task, token]; where a task has fewer tokens than others, `longest`, where no token stands."""
    batch: int
    longest: int
    """Of the rows' tokens, at least 1."""

    @classmethod
    def of(cls, lengths: Tensor, device: torch.device) -> TokenRows:
        """Of rows with so many tokens, int64 [1 or task, batch] on the CPU."""
        each, batch = lengths.shape
        flat = lengths.flatten()
        longest, most = max(1, int(lengths.max())), max(1, int(lengths.sum(1).max()))
        row = torch.arange(len(flat)).repeat_interleave(flat)
        begins, before = flat.cumsum(0) - flat, lengths.sum(1).cumsum(0) - lengths.sum(1)
        number = torch.arange(len(row))
        at = row // batch, number - before[row // batch]
        rows, places = torch.zeros(each, most, dtype=torch.int64), torch.full((each, most), longest)
        rows[at], places[at] = row % batch, number - begins[row]
        return cls(rows.to(device, non_blocking=True), places.to(device, non_blocking=True), batch, longest)

    def pick(self, x: Tensor) -> Tensor:
        """x [1 or task, batch, …] → what each token's row has, [1 or task, token, …]."""
        if len(self.row) == 1:
            return x.index_select(1, self.row.squeeze(0))
        first = self.batch * torch.arange(len(x), device=x.device).unsqueeze(1)
        return x.flatten(0, 1).index_select(0, (self.row + first).flatten()).view(*self.row.shape, *x.shape[2:])

    def grid(self, x: Tensor, fill: float) -> Tensor:
        """x [task, token, …] → [task, batch, longest, …], `fill` where there is no token."""
        wide = self.longest + 1  # the last column takes what is no token
        at = self.row * wide + self.place
        first = self.batch * wide * torch.arange(len(x), device=x.device).unsqueeze(1)
        found = x.new_full((len(x) * self.batch * wide, *x.shape[2:]), fill)
        found = found.index_copy(0, (at + first).flatten(), x.flatten(0, 1))
        return found.view(len(x), self.batch, wide, *x.shape[2:])[:, :, : self.longest]

    def only(self, tasks: Sequence[int]) -> TokenRows:
        """Of some of the tasks; the same where all have the same rows."""
        return self if len(self.row) == 1 else replace(self, row=self.row[list(tasks)], place=self.place[list(tasks)])


def lengths_of(tokens: Tensor) -> Tensor:
    """tokens [1 or task, batch, longest, number] → how many each row has, int64 [1 or task, batch] on the CPU."""
    return (tokens[..., 0] != PADDING).sum(-1).cpu()


def side_by_side(parts: Sequence[tuple[TokenRows, Tensor]]) -> tuple[TokenRows, Tensor]:
    """Tokens of several tasks and what was made of them, [1, token, …] each, as one: [task, token of the most, …]."""
    longest, most = max(rows.longest for rows, _ in parts), max(rows.row.shape[1] for rows, _ in parts)
    row, place = (torch.zeros(len(parts), most, dtype=torch.int64, device=parts[0][1].device) for _ in range(2))
    place += longest
    found = []
    for task, (rows, x) in enumerate(parts):
        own = rows.row.shape[1]
        row[task, :own] = rows.row.squeeze(0)
        place[task, :own] = rows.place.squeeze(0).masked_fill(rows.place.squeeze(0) == rows.longest, longest)
        found.append(torch.cat([x, x.new_zeros(1, most - own, *x.shape[2:])], 1))
    return TokenRows(row, place, parts[0][0].batch, longest), torch.cat(found)


@dataclass(frozen=True)
class Reading(Mapping[str, Mapping[str, Tensor]]):
    """A batch's inputs, and what is asked for: its rows, or the `tokens` of one input. What one module made of the inputs for
    the one is kept for the other."""

    inputs: Mapping[str, Mapping[str, Tensor]]
    rows: Mapping[str, TokenRows]
    """Of each input that is tagged."""
    pools: bool
    """Whether anyone reads a tagged input as a whole."""
    tokens: str | None = None
    _kept: dict[nn.Module, Any] = field(default_factory=dict)

    def of_tokens(self, name: str) -> Reading:
        """The same inputs, asked for the tokens of `name`."""
        return replace(self, tokens=name)

    def once(self, of: nn.Module, make: Callable[[], Any]) -> Any:
        """What `make` makes for this module, at its first call."""
        if of not in self._kept:
            self._kept[of] = make()
        return self._kept[of]

    def __getitem__(self, name: str) -> Mapping[str, Tensor]:
        return self.inputs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.inputs)

    def __len__(self) -> int:
        return len(self.inputs)
