"""Pictures as the plain rivals read them: a row of not too many numbers, each the mean of some pixels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mtl.data.inputs.base import Arrays, Floats, InputEncoding
from mtl.data.inputs.image import PIXELS, ImageEncoding

MOST = 1500
"""Numbers of a picture at most: pixels of 36 · 36 in grey stay what they are."""
ROWS = 1024
"""Pictures made smaller together."""


def with_pixels(inputs: Mapping[str, InputEncoding], parts: Sequence[Mapping[str, Arrays]]) -> list[dict[str, Arrays]]:
    """The arrays of each part; those of pictures have `numeric` float32 [rows, numbers] beside, 0 where there is none."""
    found = [dict(part) for part in parts]
    for name, one in inputs.items():
        if isinstance(one, ImageEncoding):
            for part in found:
                part[name] = {**part[name], "numeric": smaller(one, part[name])}
    return found


def smaller(encoding: ImageEncoding, arrays: Arrays) -> Floats:
    """float32 [rows, numbers]: pictures standardised channel by channel, with sides that leave MOST numbers at most."""
    height, width = encoding.size
    share = min(1.0, math.sqrt(MOST / (height * width * encoding.channels)))
    down, across = (_means(side, max(1, int(side * share))) for side in (height, width))
    pixels, present = arrays[PIXELS], arrays["present"]
    mean, std = (np.array(each, np.float32) for each in (encoding.mean, encoding.std))
    found = np.zeros((len(pixels), len(down) * len(across) * encoding.channels), np.float32)
    for start in range(0, len(pixels), ROWS):
        some = slice(start, start + ROWS)
        shown = (np.asarray(pixels[some], np.float32) - mean) / std
        small = np.einsum("ih,jw,nhwc->nijc", down, across, shown, optimize=True)
        found[some] = small.reshape(len(small), -1) * present[some, None]
    return found


def _means(side: int, left: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """[left, side]: each row the mean of as many places, the ones at its ends in part."""
    edges = np.linspace(0, side, left + 1)
    places = np.arange(side)
    covered = np.minimum(edges[1:, None], places + 1) - np.maximum(edges[:-1, None], places)
    return np.asarray(np.maximum(covered, 0) * left / side, np.float32)
