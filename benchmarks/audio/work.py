"""Noise as long as spoken digits are, and who hears it in which order: the same for the loop by hand and for mtl."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.work import HERE

RATE, MELS, WINDOW, HOP = 8000, 40, 200, 80
"""Samples a second, bands, samples of a window and from one to the next."""
TASKS, WIDTH = 2, 128
CHANNELS, LAYERS, HIDDEN = 32, 3, 64
LEAST, MOST, MEAN, SPREAD = 0.14, 2.3, 0.42, 0.3
"""Seconds of a recording, log-normal: those of the 3,000 of the Free Spoken Digit Dataset."""


@dataclass(frozen=True)
class Sounds:
    """values int16 [samples]; offsets int64 [recordings + 1]; y float32 [recordings, task]."""

    values: np.ndarray
    offsets: np.ndarray
    y: np.ndarray


def write_sounds(count: int) -> Path:
    """The file with these recordings, made if it is not there yet."""
    file = HERE / f"sounds-{count}.npz"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(0)
        lengths = (RATE * np.clip(random.lognormal(np.log(MEAN), SPREAD, count), LEAST, MOST)).astype(np.int64)
        values = random.normal(0, 3000, lengths.sum()).astype(np.int16)
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        np.savez(file, values=values, offsets=offsets, y=random.normal(size=(count, TASKS)).astype(np.float32))
    return file


def read_sounds(file: str) -> Sounds:
    with np.load(file) as held:
        return Sounds(held["values"], held["offsets"], held["y"])
