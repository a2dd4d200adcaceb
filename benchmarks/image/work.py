"""Random pictures of the size of MultiFashion's, and how the network is built: the same for the loop by hand and for mtl."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.work import HERE

SIDE, TASKS, WIDTH, BATCH = 36, 3, 128, 64
OPTIONS: dict[str, float] = {"width": 16, "stages": 3, "blocks": 1, "grid": 3}
WAYS = {"still": 0, "moved": 2}
"""What is measured -> pixels by which each picture is moved at most, in either direction."""


@dataclass(frozen=True)
class Pictures:
    """pixels uint8 [pictures, side, side, 1]; y float32 [pictures, task]."""

    pixels: np.ndarray
    y: np.ndarray


def write_pictures(count: int) -> Path:
    """The file with these pictures, made if it is not there yet."""
    file = HERE / f"pictures-{count}.npz"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(0)
        pixels = random.integers(0, 256, (count, SIDE, SIDE, 1), np.uint8)
        np.savez(file, pixels=pixels, y=random.normal(size=(count, TASKS)).astype(np.float32))
    return file


def read_pictures(file: str) -> Pictures:
    with np.load(file) as held:
        return Pictures(held["pixels"], held["y"])
