"""Pictures: one column, as pixels of 8 bits, all of one size; they become numbers where they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl

from mtl.data.inputs.base import Arrays, Bools
from mtl.data.inputs.column import ColumnEncoding
from mtl.data.pictures import Picture, PictureError, Pixels

PIXELS = "pixels"
"""The column of the table of numbers, and the array."""


@dataclass(frozen=True)
class ImageEncoding(ColumnEncoding):
    """One column of pictures; `mean` and `std` have one for each channel, of pixels from 0 to 255."""

    kind: ClassVar[str] = "image"
    dtype: ClassVar[pl.DataType] = pl.Binary()
    shape: tuple[int, ...] | None
    """Of raw pixels; None: bytes of a file."""
    max_pixels: int
    size: tuple[int, int]
    """Height and width that a picture is brought to."""
    mean: tuple[float, ...]
    std: tuple[float, ...]
    network: str
    options: dict[str, float] = field(default_factory=dict)
    """All options of the network."""
    augment: dict[str, float] = field(default_factory=dict)

    @property
    def channels(self) -> int:
        return len(self.mean)

    @property
    def decoded(self) -> ImageEncoding:
        """The same for pictures that are pixels of this size already, as `small` makes them."""
        return replace(self, shape=(*self.size, self.channels))

    def small(self, frame: pl.DataFrame) -> pl.Series:
        """What `decoded` reads in the place of pictures: the bytes of their pixels, null where there are none."""
        arrays = self.apply(frame)
        return as_bytes(arrays[PIXELS], arrays["present"])

    def apply(self, frame: pl.DataFrame) -> Arrays:
        """pixels uint8 [n, height, width, channels] (0 where absent), present bool [n]: it can be seen."""
        picture, cells = Picture(self.shape, self.max_pixels), frame[self.column_name].cast(pl.Binary)
        pixels = np.zeros((len(cells), *self.size, self.channels), np.uint8)
        present = np.zeros(len(cells), np.bool_)
        for row, cell in enumerate(cells):
            seen = None if cell is None else self._seen(picture, cell)
            if seen is not None:
                pixels[row], present[row] = seen, True
        return {PIXELS: pixels, "present": present}

    def _seen(self, picture: Picture, cell: bytes) -> Pixels | None:
        """Its pixels; None of a cell that the contract would not have let in."""
        try:
            return picture.pixels(cell, self.size, self.channels)
        except PictureError:
            return None

    def table(self, frame: pl.DataFrame) -> pl.DataFrame:
        """`pixels`: the bytes of each row's, null where there is no picture."""
        if self.shape == (*self.size, self.channels):  # they are already
            mine = pl.col(self.column_name).cast(pl.Binary)
            whole = mine.bin.size() == int(np.prod(self.shape))
            return frame.select("key", pl.when(whole).then(mine).alias(PIXELS))
        return pl.DataFrame({"key": frame["key"], PIXELS: self.small(frame)})

    def aligned(self, joined: pl.DataFrame) -> Arrays:
        present = joined[PIXELS].is_not_null().to_numpy()
        pixels = np.zeros((joined.height, *self.size, self.channels), np.uint8)
        for row, cell in enumerate(joined[PIXELS]):
            if cell is not None:
                pixels[row] = np.frombuffer(cell, np.uint8).reshape(pixels.shape[1:])
        return {PIXELS: pixels, "present": present}

    def counts(self) -> dict[str, int]:
        return dict(zip(("height", "width", "channels"), (*self.size, self.channels), strict=True))

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        shape = None if data["shape"] is None else tuple(data["shape"])
        pairs = {name: tuple(data[name]) for name in ("size", "mean", "std")}
        return super().parse({**data, **pairs, "shape": shape})


def as_bytes(pixels: Pixels, present: Bools) -> pl.Series:
    """pixels [n, …] as a column of bytes, null where not present."""
    return pl.Series(PIXELS, [row.tobytes() if there else None for row, there in zip(pixels, present, strict=True)], pl.Binary)
