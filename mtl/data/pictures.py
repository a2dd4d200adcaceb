"""Pictures as bytes: what a cell of them may hold, and its pixels. Files are opened by Pillow."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

Pixels = np.ndarray[Any, np.dtype[np.uint8]]

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
"""Formats that are opened; Pillow's many others see no byte (one of them starts a program)."""
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""Channels -> Pillow's word for grey, colours, and colours with transparency."""
BEFORE = {"LAB": "RGB", "La": "LA"}
"""Modes (CIELAB; grey weighted by its transparency) that Pillow turns into grey only by way of another."""
LEAST = (1, 1)
"""Asked for where only decoding matters: of a JPEG every byte is then read, and an eighth is computed."""
UNKNOWN = f"not a picture ({', '.join(FORMATS)})"
CUT, BROKEN, DEEP = "a picture that is cut short", "a picture that cannot be decoded", "a picture of 32 bits a number"


class PictureError(Exception):
    """A picture that cannot be seen: why, and what was found instead, in words without its bytes."""

    def __init__(self, reason: str, found: str) -> None:
        super().__init__(reason)
        self.reason, self.found = reason, found


@dataclass(frozen=True)
class Picture:
    """How the cells of a column hold pictures."""

    shape: tuple[int, ...] | None = None
    """Of raw pixels, uint8: (height, width) or (height, width, channels). None: bytes of a file."""
    max_pixels: int = 50_000_000
    """A picture with more is not decoded: a small file may hold what fills the memory."""

    def fault(self, cell: bytes) -> tuple[str, str] | None:
        """Why this cell is no such picture, and what it is; None if it is one."""
        try:
            if self.shape is None:
                with _opened(cell, self.max_pixels, LEAST):
                    return None
            self._check_size(cell, self.shape)
        except PictureError as error:
            return error.reason, error.found
        return None

    def pixels(self, cell: bytes, size: tuple[int, int], channels: int) -> Pixels:
        """uint8 [height, width, channels] of this size, stretched to it; transparent parts are white. Raises PictureError."""
        if self.shape is None:
            with _opened(cell, self.max_pixels, size) as image:
                return _resized(image, size, channels)
        self._check_size(cell, self.shape)
        raw = np.frombuffer(cell, np.uint8).reshape(self.shape)
        if self.shape[:2] == size and raw.size == size[0] * size[1] * channels:
            return raw.reshape(*size, channels)
        return _resized(_image_of(raw), size, channels)

    def _check_size(self, cell: bytes, shape: tuple[int, ...]) -> None:
        wanted = int(np.prod(shape))
        if len(cell) != wanted:
            raise PictureError(f"expected {wanted:,} bytes ({' × '.join(map(str, shape))} pixels)", f"{len(cell):,} bytes")


@contextmanager
def _opened(cell: bytes, most: int, size: tuple[int, int]) -> Iterator[Image]:
    """The whole picture, upright; a JPEG at a half, a quarter or an eighth where that is still twice the `size` asked for.

    Raises PictureError for whatever Pillow does not take: its decoders raise errors of many kinds.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd metadata, and of size, which is looked at here
        try:
            with Image.open(io.BytesIO(cell), formats=FORMATS) as image:
                _check_pixels(image, most)
                image.draft(None, (2 * max(size), 2 * max(size)))
                image.load()
                upright = ImageOps.exif_transpose(image)
        except PictureError:
            raise
        except UnidentifiedImageError:
            raise PictureError(UNKNOWN, f"{len(cell):,} bytes of something else") from None
        except Image.DecompressionBombError:
            raise PictureError(f"expected at most {most:,} pixels", f"a picture of {len(cell):,} bytes with far more") from None
        except Exception as error:  # whatever a broken file leads a decoder to
            short = isinstance(error, EOFError) or "truncated" in str(error)
            raise PictureError(CUT if short else BROKEN, f"{len(cell):,} bytes") from None
        yield upright


def _check_pixels(image: Image, most: int) -> None:
    """Raise PictureError for what would fill the memory, or has numbers that nobody says the range of."""
    if image.width * image.height > most:
        raise PictureError(f"expected at most {most:,} pixels", f"{image.width:,} × {image.height:,}")
    if image.mode in ("I", "F"):
        raise PictureError(DEEP, f"the mode {image.mode}")


def _image_of(raw: Pixels) -> Image:
    from PIL import Image

    return Image.fromarray(raw.squeeze(2) if raw.ndim == 3 and raw.shape[2] == 1 else raw)


def _resized(image: Image, size: tuple[int, int], channels: int) -> Pixels:
    """uint8 [height, width, channels]: each new pixel the weighted mean of those below it."""
    from PIL.Image import Resampling

    plain = _opaque(image).convert(MODES[channels])
    if plain.size != (size[1], size[0]):
        plain = plain.resize((size[1], size[0]), Resampling.BILINEAR)
    return np.asarray(plain, np.uint8).reshape(*size, channels)


def _opaque(image: Image) -> Image:
    """The picture with 8 bits a number, on white where it is transparent."""
    from PIL.Image import alpha_composite, fromarray, new

    if image.mode.startswith("I;16"):
        return fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in BEFORE:
        image = image.convert(BEFORE[image.mode])
    if not image.has_transparency_data:
        return image
    shown = image.convert("RGBA")
    return alpha_composite(new("RGBA", shown.size, "white"), shown)
