"""Texts: one column, as the numbers of its tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import polars as pl

from mtl.data.inputs.base import Arrays, InputEncoding
from mtl.data.ragged import Ragged
from mtl.data.tokenizer import encode_texts, tokens_of

TOKENS = "tokens"
"""The column of the table of numbers, and the array."""


@dataclass(frozen=True)
class TextEncoding(InputEncoding):
    """One column of texts and the tokenizer that was fitted on train; what reads the tokens is said beside it."""

    kind: ClassVar[str] = "text"
    column: str
    column_name: str
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

    @property
    def columns(self) -> dict[str, str]:
        return {self.column: self.column_name}

    @property
    def types(self) -> dict[str, pl.DataType]:
        return {self.column_name: pl.String()}

    def apply(self, frame: pl.DataFrame) -> Arrays:
        """tokens int32, ragged [n, tokens of the text, `max_tokens` at most]; present bool [n]: something is written."""
        texts = frame.select(pl.col(self.column_name).cast(pl.String)).to_series()
        texts = texts.set(~texts.str.contains(r"\S").fill_null(False), None)  # blanks are no text, here as in the contract
        return {TOKENS: encode_texts(self.tokenizer, texts, self.max_tokens), "present": texts.is_not_null().to_numpy()}

    def table(self, frame: pl.DataFrame) -> pl.DataFrame:
        """`tokens`: a list of Int32, null where there is no text."""
        arrays = self.apply(frame)
        tokens = pl.Series(TOKENS, arrays[TOKENS].lists(), dtype=pl.List(pl.Int32))
        return pl.DataFrame({"key": frame["key"], TOKENS: tokens}).with_columns(pl.when(pl.Series(arrays["present"])).then(TOKENS))

    def aligned(self, joined: pl.DataFrame) -> Arrays:
        cells = joined[TOKENS]
        return {TOKENS: Ragged.of_lists(cells), "present": cells.is_not_null().to_numpy()}

    def counts(self) -> dict[str, int]:
        return {"tokens": self.vocabulary}

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> TextEncoding:
        return cls(**{**data, "options": dict(data["options"])})
