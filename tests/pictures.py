"""Pictures as tests need them: random pixels, and the bytes of a file that holds them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

Pixels = np.ndarray[Any, np.dtype[np.uint8]]


def pixels_of(*shape: int, seed: int = 0) -> Pixels:
    """uint8 at random."""
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def file_of(pixels: np.ndarray[Any, Any] | Image.Image, form: str = "PNG", **more: Any) -> bytes:
    """The bytes of a file of this format; [height, width] grey, [height, width, 3] in colours."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    held = io.BytesIO()
    image.save(held, form, **more)
    return held.getvalue()
