"""Recordings: one column, as samples of 16 bits; what is heard of them is computed where they are read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
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

    @property
    def decoded(self) -> AudioEncoding:
        """The same for recordings that are samples alone, as `small` makes them."""
        return replace(self, format="pcm16")

    def small(self, frame: pl.DataFrame) -> pl.Series:
        """What `decoded` reads in the place of recordings: the bytes of their samples, null where there are none."""
        return pl.Series(SAMPLES, [one.tobytes() or None for one in self._heard(frame)], pl.Binary)

    def apply(self, frame: pl.DataFrame) -> Arrays:
        """samples int16, ragged [n, samples of the recording]; present bool [n]: it can be heard."""
        values, lengths = bytearray(), np.zeros(frame.height, np.int64)
        for row, samples in enumerate(self._heard(frame)):
            values += samples.tobytes()
            lengths[row] = len(samples)
        return {SAMPLES: Ragged.of_lengths(np.frombuffer(values, np.int16), lengths), "present": lengths > 0}

    def _heard(self, frame: pl.DataFrame) -> Iterator[Samples]:
        """The samples of each row, one after the other; none of a cell that the contract would not have let in."""
        sound = Sound(self.format, self.rate, self.max_seconds)
        for cell in frame[self.column_name].cast(pl.Binary):
            try:
                yield np.zeros(0, np.int16) if cell is None else sound.samples(cell, self.seconds)
            except SoundError:
                yield np.zeros(0, np.int16)

    def counts(self) -> dict[str, int]:
        return {"bands": self.mels}
