"""Recordings: one column, as samples of 16 bits; what is heard of them is computed where they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import polars as pl

from mtl.data.inputs.base import Arrays, InputEncoding
from mtl.data.ragged import Ragged
from mtl.data.sounds import Samples, Sound, SoundError

SAMPLES = "samples"
"""The column of the table of numbers, and the array."""


@dataclass(frozen=True)
class AudioEncoding(InputEncoding):
    """One column of recordings, each as long as it is; what reads them is said beside it. Nothing of it is fitted on train: every
    recording is brought to the same level by itself."""

    kind: ClassVar[str] = "audio"
    column: str
    column_name: str
    format: str
    rate: int
    seconds: float
    """What is longer is cut off."""
    max_seconds: float
    mels: int
    window_ms: float
    hop_ms: float
    network: str
    pooling: str
    options: dict[str, float] = field(default_factory=dict)
    """All options of the network."""
    augment: dict[str, float] = field(default_factory=dict)

    @property
    def columns(self) -> dict[str, str]:
        return {self.column: self.column_name}

    @property
    def types(self) -> dict[str, pl.DataType]:
        return {self.column_name: pl.Binary()}

    def apply(self, frame: pl.DataFrame) -> Arrays:
        """samples int16, ragged [n, samples of the recording]; present bool [n]: it can be heard."""
        sound = Sound(self.format, self.rate, self.max_seconds)
        rows = [self._heard(sound, cell) for cell in frame[self.column_name].cast(pl.Binary)]
        lengths = np.array([len(row) for row in rows], np.int64)
        values = np.concatenate([np.zeros(0, np.int16), *rows])
        return {SAMPLES: Ragged.of_lengths(values, lengths), "present": lengths > 0}

    def _heard(self, sound: Sound, cell: bytes | None) -> Samples:
        """Its samples; none of a cell that the contract would not have let in."""
        try:
            return np.zeros(0, np.int16) if cell is None else sound.samples(cell, self.seconds)
        except SoundError:
            return np.zeros(0, np.int16)

    def table(self, frame: pl.DataFrame) -> pl.DataFrame:
        """`samples`: a list of Int16, null where nothing is to be heard."""
        arrays = self.apply(frame)
        samples = pl.Series(SAMPLES, arrays[SAMPLES].lists(), dtype=pl.List(pl.Int16))
        return pl.DataFrame({"key": frame["key"], SAMPLES: samples}).with_columns(
            pl.when(pl.Series(arrays["present"])).then(SAMPLES)
        )

    def aligned(self, joined: pl.DataFrame) -> Arrays:
        cells = joined[SAMPLES]
        return {SAMPLES: Ragged.of_lists(cells), "present": cells.is_not_null().to_numpy()}

    def counts(self) -> dict[str, int]:
        return {"bands": self.mels}

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> AudioEncoding:
        return cls(**{**data, "options": dict(data["options"]), "augment": dict(data["augment"])})
