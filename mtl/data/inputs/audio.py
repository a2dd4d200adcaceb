"""Recordings: one column, as samples of 16 bits; what is heard of them is computed where they are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import polars as pl

from mtl.data.inputs.base import Arrays
from mtl.data.inputs.column import RaggedEncoding
from mtl.data.ragged import Ragged
from mtl.data.sounds import Samples, Sound, SoundError

SAMPLES = "samples"
"""The column of the table of numbers, and the array."""


@dataclass(frozen=True)
class AudioEncoding(RaggedEncoding):
    """One column of recordings, each as long as it is; what reads them is said beside it. Nothing of it is fitted on train: every
    recording is brought to the same level by itself."""

    kind: ClassVar[str] = "audio"
    dtype: ClassVar[pl.DataType] = pl.Binary()
    part: ClassVar[str] = SAMPLES
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

    def counts(self) -> dict[str, int]:
        return {"bands": self.mels}
