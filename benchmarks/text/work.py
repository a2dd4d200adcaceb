"""Random texts as token numbers, and who reads them in which order: the same for the loop by hand and for mtl."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.work import HERE

VOCABULARY, TASKS, WIDTH, BATCH = 8000, 3, 128, 64
EMBEDDING, SIZE = 64, 64
"""Numbers of a token, and channels or hidden units of the network over tokens."""
LEAST, MOST, MEAN = 5, 160, 60
"""Tokens of a text."""


@dataclass(frozen=True)
class Texts:
    """values int32 [tokens], none of them 0; offsets int64 [texts + 1]; y float32 [texts, task]."""

    values: np.ndarray
    offsets: np.ndarray
    y: np.ndarray


def write_texts(count: int) -> Path:
    """The file with these texts, made if it is not there yet. Lengths are log-normal, as those of reviews are."""
    file = HERE / f"texts-{count}.npz"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(0)
        lengths = np.clip(random.lognormal(np.log(MEAN), 0.5, count), LEAST, MOST).astype(np.int64)
        values = random.integers(1, VOCABULARY, lengths.sum()).astype(np.int32)
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        np.savez(file, values=values, offsets=offsets, y=random.normal(size=(count, TASKS)).astype(np.float32))
    return file


def read_texts(file: str) -> Texts:
    with np.load(file) as held:
        return Texts(held["values"], held["offsets"], held["y"])
