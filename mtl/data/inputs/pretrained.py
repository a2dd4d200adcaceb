"""Texts that an encoder reads which came trained: as the vector it makes of them, or as its tokens where it goes on learning."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import polars as pl

from mtl.data.inputs.base import Arrays, InputEncoding
from mtl.data.inputs.vector import VectorEncoding
from mtl.data.pretrained import FILES, PretrainedModel, written
from mtl.data.ragged import Ragged

TOKENS = "tokens"
"""The column of the table of numbers, and the array."""
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

    def write_files(self, folder: Path) -> None:
        target = folder / PLACE / self.name
        target.mkdir(parents=True, exist_ok=True)
        for file in FILES:
            shutil.copyfile(Path(self.model.folder) / file, target / file)

    def with_files(self, folder: Path) -> Pretrained:
        return replace(self, model=replace(self.model, folder=(folder / PLACE / self.name).as_posix()))


@dataclass(frozen=True)
class PretrainedVectorEncoding(Pretrained, VectorEncoding):
    """The vector of a text by an encoder that stays as it is, each place standardised.

    A raw frame has the text, which is what a prediction is asked for, and, put there by `mtl.pretrained`, its vector.
    """

    kind: ClassVar[str] = "pretrained_vector"

    @property
    def types(self) -> dict[str, pl.DataType]:
        return {self.column_name: pl.String()}

    @property
    def cells(self) -> str:
        return vector_name(self.column_name)

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> PretrainedVectorEncoding:
        of = {"model": PretrainedModel(**data["model"]), "mean": tuple(data["mean"]), "std": tuple(data["std"])}
        return cls(**{**data, **of})


@dataclass(frozen=True)
class PretrainedTokensEncoding(Pretrained):
    """The tokens of a text for an encoder that goes on learning: `mode` says what of it."""

    kind: ClassVar[str] = "pretrained_tokens"
    column: str
    column_name: str
    mode: str
    options: dict[str, float]
    """All options of the mode."""

    @property
    def columns(self) -> dict[str, str]:
        return {self.column: self.column_name}

    @property
    def types(self) -> dict[str, pl.DataType]:
        return {self.column_name: pl.String()}

    def apply(self, frame: pl.DataFrame) -> Arrays:
        """tokens int32, ragged, as `PretrainedModel.tokens` gives them; present bool [n]: something is written."""
        texts = written(frame[self.column_name])
        return {TOKENS: self.model.tokens(texts), "present": texts.is_not_null().to_numpy()}

    def table(self, frame: pl.DataFrame) -> pl.DataFrame:
        """`tokens`: a list of Int32, null where there is no text."""
        arrays = self.apply(frame)
        tokens = pl.Series(TOKENS, arrays[TOKENS].lists(), dtype=pl.List(pl.Int32))
        return pl.DataFrame({"key": frame["key"], TOKENS: tokens}).with_columns(pl.when(pl.Series(arrays["present"])).then(TOKENS))

    def aligned(self, joined: pl.DataFrame) -> Arrays:
        cells = joined[TOKENS]
        return {TOKENS: Ragged.of_lists(cells), "present": cells.is_not_null().to_numpy()}

    def counts(self) -> dict[str, int]:
        return {}

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> PretrainedTokensEncoding:
        return cls(**{**data, "model": PretrainedModel(**data["model"]), "options": dict(data["options"])})


def vector_name(column_name: str) -> str:
    """The column of a raw frame that holds the vectors of the texts in `column_name`; it begins as no column of a table does."""
    return f"\x1fvector of {column_name}"
