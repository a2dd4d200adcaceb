"""Tokens: one column of lists of words, as numbers of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl

from mtl.data.inputs.base import Arrays
from mtl.data.inputs.column import RaggedEncoding
from mtl.data.ragged import Ragged
from mtl.data.words import FIRST, NUMBERS, numbered


@dataclass(frozen=True)
class TokensEncoding(RaggedEncoding):
    """One column of lists and the words that were known of train; what reads them is said beside it."""

    kind: ClassVar[str] = "tokens"
    dtype: ClassVar[pl.DataType] = pl.List(pl.String)
    known: tuple[str, ...]
    """The words, the most frequent first."""
    lowercase: bool
    affixes: int
    """Places of the hashed table of what words begin and end with, and of their shapes; 0: words alone."""
    max_tokens: int
    network: str
    pooling: str
    options: dict[str, float] = field(default_factory=dict)
    """All options of the network."""

    @property
    def words(self) -> int:
        """How many numbers words have: 0 is padding, 1 an unknown word."""
        return FIRST + len(self.known)

    @property
    def vocabulary(self) -> int:
        """Words and places of the hashed table."""
        return self.words + self.affixes

    @property
    def numbers(self) -> int:
        """How many numbers a token is."""
        return NUMBERS if self.affixes else 1

    def apply(self, frame: pl.DataFrame) -> Arrays:
        """tokens int32, ragged [n, tokens of the row (`max_tokens` at most), numbers]; present bool [n]: there is a token."""
        cells = frame[self.column_name].cast(pl.List(pl.String)).list.head(self.max_tokens)
        lengths = cells.list.len().fill_null(0).to_numpy().astype(np.int64)
        words = cells.filter(pl.Series(lengths > 0)).explode()
        values = numbered(words, self.known, lowercase=self.lowercase, affixes=self.affixes)
        return {self.part: Ragged.of_lengths(values, lengths), "present": lengths > 0}

    def aligned(self, joined: pl.DataFrame) -> Arrays:
        arrays = super().aligned(joined)
        flat = arrays[self.part]
        return {**arrays, self.part: Ragged(flat.values.reshape(-1, self.numbers), flat.offsets // self.numbers)}

    def counts(self) -> dict[str, int]:
        return {"words": len(self.known)}

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        return super().parse({**data, "known": tuple(data["known"])})
