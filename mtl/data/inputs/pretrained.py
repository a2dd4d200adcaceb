"""Texts that an encoder reads which came trained: as the vector it makes of them, or as its tokens where it goes on learning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import polars as pl

from mtl.data.inputs.base import Arrays, InputEncoding
from mtl.data.inputs.column import RaggedEncoding
from mtl.data.inputs.vector import VectorEncoding
from mtl.data.pretrained import FILES, PretrainedModel, written

PLACE = "pretrained"
"""Folder beside the JSON of all encodings: a folder an input."""


@dataclass(frozen=True)
class Pretrained(InputEncoding):
    """What both have: the model's files lie in a folder of their own, wherever the encodings are kept."""

    model: PretrainedModel

    @property
    def packages(self) -> tuple[str, ...]:
        return ("transformers",)

    def as_dict(self) -> dict[str, Any]:
        data = super().as_dict()
        del data["model"]["folder"]
        return data

    @property
    def files(self) -> dict[Path, Path]:
        return {self._place / file: Path(self.model.folder) / file for file in FILES}

    def with_files(self, folder: Path) -> Self:
        return replace(self, model=replace(self.model, folder=(folder / self._place).as_posix()))

    @property
    def _place(self) -> Path:
        return Path(PLACE, self.name)

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        return super().parse({**data, "model": PretrainedModel(**data["model"])})


@dataclass(frozen=True)
class PretrainedVectorEncoding(Pretrained, VectorEncoding):
    """The vector of a text by an encoder that stays as it is, each place standardised.

    A raw frame has the text, which is what a prediction is asked for, and, put there by `mtl.pretrained`, its vector.
    """

    kind: ClassVar[str] = "pretrained_vector"
    dtype: ClassVar[pl.DataType] = pl.String()

    @property
    def cells(self) -> str:
        return vector_name(self.column_name)


@dataclass(frozen=True)
class PretrainedTokensEncoding(RaggedEncoding, Pretrained):
    """The tokens of a text for an encoder that goes on learning: `mode` says what of it."""

    kind: ClassVar[str] = "pretrained_tokens"
    dtype: ClassVar[pl.DataType] = pl.String()
    mode: str
    options: dict[str, float]
    """All options of the mode."""

    def apply(self, frame: pl.DataFrame) -> Arrays:
        """tokens int32, ragged, as `PretrainedModel.tokens` gives them; present bool [n]: something is written."""
        texts = written(frame[self.column_name])
        return {self.part: self.model.tokens(texts), "present": texts.is_not_null().to_numpy()}

    def counts(self) -> dict[str, int]:
        return {}


def vector_name(column_name: str) -> str:
    """The column of a raw frame that holds the vectors of the texts in `column_name`; it begins as no column of a table does."""
    return f"\x1fvector of {column_name}"
