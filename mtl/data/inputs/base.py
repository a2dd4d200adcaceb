"""What the encoding of an input offers, whatever its kind."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl

from mtl.data.ragged import Ragged

Floats = np.ndarray[Any, np.dtype[np.float32]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]
Arrays = dict[str, Any]
"""Part of an input -> its array [rows, …], or `Ragged` where rows differ in length; `present`, bool [rows], in every kind."""
Array = np.ndarray[Any, Any] | Ragged


@dataclass(frozen=True)
class InputEncoding(ABC):
    """One input as it was fitted on train. From raw cells to arrays either at once (`apply`), or by way of a table of
    numbers that is joined in between (`table`, then `aligned`): the same arrays."""

    kind: ClassVar[str]
    name: str
    sources: dict[str, str]
    """Entity -> the source of it that is read: one, or several whose rows this input reads alike."""
    dropped: dict[str, str] = field(default_factory=dict, kw_only=True)
    """Columns of the spec that are not read, with the reason."""

    @property
    @abstractmethod
    def columns(self) -> dict[str, str]:
        """The source's column -> its name in raw frames, of every column that is read."""

    @property
    def names(self) -> list[str]:
        """The frame's columns that this input reads."""
        return list(self.columns.values())

    @property
    @abstractmethod
    def types(self) -> dict[str, pl.DataType]:
        """Name in raw frames -> what its cells are, as predictions are asked for."""

    @abstractmethod
    def apply(self, frame: pl.DataFrame) -> Arrays:
        """Arrays of the rows of `frame` (columns `names`); a row with null everywhere lacks the input."""

    @abstractmethod
    def table(self, frame: pl.DataFrame) -> pl.DataFrame:
        """`key` of the rows of `frame`, and their numbers as columns."""

    @abstractmethod
    def aligned(self, joined: pl.DataFrame) -> Arrays:
        """Arrays of rows of `table`, null where an entity lacks the input."""

    @abstractmethod
    def counts(self) -> dict[str, int]:
        """What the report says of it: how many columns, numbers, tokens."""

    @property
    def decoded(self) -> InputEncoding:
        """What reads rows as the stage `encode` holds them, where what is large was made small already; mostly just this."""
        return self

    @property
    def packages(self) -> tuple[str, ...]:
        """What must be installed, beside what always is, for a model that reads it."""
        return ()

    def as_dict(self) -> dict[str, Any]:
        """What `parse` reads."""
        return asdict(self)

    @property
    def files(self) -> dict[Path, Path]:
        """What does not fit into the JSON of all encodings: a place in the folder of that -> the file to keep there."""
        return {}

    def write_files(self, folder: Path) -> None:
        """Keep `files` in `folder`, beside the JSON of all encodings."""
        for place, file in self.files.items():
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, folder / place)

    def with_files(self, folder: Path) -> Self:
        """The same as it was read from `folder`."""
        return self

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """From the mapping that JSON keeps of it."""
        return cls(**data)
