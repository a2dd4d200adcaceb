"""The work itself: one random table, written once as .npy (arrays, for loops) and as Parquet (for whole jobs).

Needs nothing but NumPy: peers read it in environments of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent / ".work"
FEATURES, WIDTH, DEPTH, BATCH = 64, 256, 3, 1024


@dataclass(frozen=True)
class Arrays:
    """x float32 [rows, feature]; y float32 [rows, task], 0 where not labelled; labelled bool [rows, task]."""

    x: np.ndarray
    y: np.ndarray
    labelled: np.ndarray


def random_arrays(rows: int, tasks: int, labelled: float = 0.8) -> Arrays:
    """Features ~ N(0, 1), each target a linear mix of them, labels missing at random."""
    random = np.random.default_rng(0)
    x = random.normal(size=(rows, FEATURES)).astype(np.float32)
    y = (x @ random.normal(size=(FEATURES, tasks)) / np.sqrt(FEATURES)).astype(np.float32)
    there = random.random(y.shape) < labelled
    return Arrays(x, np.where(there, y, 0).astype(np.float32), there)


def write_arrays(rows: int, tasks: int, labelled: float = 0.8) -> Path:
    """The folder with this work's arrays, made if it is not there yet."""
    folder = HERE / f"arrays-{rows}-{tasks}-{labelled:g}"
    if not (folder / "labelled.npy").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        arrays = random_arrays(rows, tasks, labelled)
        for name in ("x", "y", "labelled"):
            np.save(folder / f"{name}.npy", getattr(arrays, name))
    return folder


def read_arrays(folder: str) -> Arrays:
    return Arrays(*(np.load(Path(folder) / f"{name}.npy") for name in ("x", "y", "labelled")))


def write_table(rows: int, tasks: int) -> Path:
    """One Parquet file: id, x0 … (float32), y0 … (float32), every label there, since not every peer knows a missing one."""
    import polars as pl

    file = HERE / f"table-{rows}-{tasks}.parquet"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        arrays = random_arrays(rows, tasks, labelled=1.0)
        columns = {f"x{i}": arrays.x[:, i] for i in range(FEATURES)} | {f"y{i}": arrays.y[:, i] for i in range(tasks)}
        pl.DataFrame({"id": np.arange(rows)} | columns).write_parquet(file)
    return file
