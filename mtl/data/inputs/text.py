"""Texts: one column, as the numbers of its tokens."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import polars as pl

from mtl.data.inputs.base import Arrays
from mtl.data.inputs.column import RaggedEncoding
from mtl.data.tokenizer import encode_texts, tokens_of


@dataclass(frozen=True)
class TextEncoding(RaggedEncoding):
    """One column of texts and the tokenizer that was fitted on train; what reads the tokens is said beside it."""

    kind: ClassVar[str] = "text"
    dtype: ClassVar[pl.DataType] = pl.String()
    tokenizer: str
    """The tokenizer's own JSON."""
    max_tokens: int
    network: str
    pooling: str
    options: dict[str, float] = field(default_factory=dict)
    """All options of the network."""

    @property
    def vocabulary(self) -> int:
        """How many numbers there are: 0 is padding, 1 an unknown token."""
        return tokens_of(self.tokenizer)

    def apply(self, frame: pl.DataFrame) -> Arrays:
        """tokens int32, ragged [n, tokens of the text, `max_tokens` at most]; present bool [n]: something is written."""
        texts = frame.select(pl.col(self.column_name).cast(pl.String)).to_series()
        texts = texts.set(~texts.str.contains(r"\S").fill_null(False), None)  # blanks are no text, here as in the contract
        return {self.part: encode_texts(self.tokenizer, texts, self.max_tokens), "present": texts.is_not_null().to_numpy()}

    def counts(self) -> dict[str, int]:
        return {"tokens": self.vocabulary}
