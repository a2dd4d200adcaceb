"""Opening pictures: every format, what a broken one is called, size and colours as they are asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mtl.data import pictures
from mtl.data.pictures import FORMATS, Picture, PictureError
from tests.pictures import file_of, pixels_of

EXACT = ("PNG", "BMP", "TIFF", "PPM")
"""Formats that keep every pixel."""


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_is_opened(form: str) -> None:
    wanted = np.kron(pixels_of(5, 4, 3), np.ones((8, 8, 1))).astype(np.uint8)
    cell = file_of(wanted, form)
    assert Picture().fault(cell) is None
    found = Picture().pixels(cell, (40, 32), 3)
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - wanted).mean() < (1 if form in EXACT else 25)


@pytest.mark.parametrize("form", FORMATS)
def test_one_cut_short_is_told_from_a_whole_one(form: str) -> None:
    cell = file_of(pixels_of(40, 30, 3), form)
    for length in (len(cell) // 2, len(cell) - 40):
        fault = Picture().fault(cell[:length])
        assert fault is not None
        assert fault[0] in (pictures.CUT, pictures.BROKEN)
        assert fault[1] == f"{length:,} bytes"


@pytest.mark.parametrize("cell", [b"", b"hello", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n", bytes(1000)])
def test_what_is_no_picture_is_called_so(cell: bytes) -> None:
    """No address in memory, no name of an error: the same words each time."""
    assert Picture().fault(cell) == (pictures.UNKNOWN, f"{len(cell):,} bytes of something else")


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(FORMATS), st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_whatever_is_broken_ends_in_words(form: str, seed: int, broken: int) -> None:
    """Some bytes changed at random: a picture all the same, or a reason; never an error of another kind."""
    cell, random = bytearray(file_of(pixels_of(12, 10, 3), form)), np.random.default_rng(seed)
    for place in random.integers(0, len(cell), broken):
        cell[place] = random.integers(0, 256)
    picture = Picture(max_pixels=10_000)
    fault = picture.fault(bytes(cell))
    if fault is not None:
        assert fault[0].startswith(("a picture that", "not a picture", "expected at most 10,000 pixels", "a picture of 32 bits"))
        with pytest.raises(PictureError):
            picture.pixels(bytes(cell), (8, 8), 3)


MODES = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "CMYK", "YCbCr", "LAB", "HSV", "I;16", "I;16B")
"""What a picture that `fault` lets pass may hold, and a little more."""


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("mode", MODES)
def test_whatever_it_holds_becomes_pixels(mode: str, channels: int) -> None:
    """Lab colours and weighted grey among it, which Pillow makes grey only by way of something else."""
    assert pictures._resized(Image.new(mode, (6, 5)), (4, 4), channels).shape == (4, 4, channels)


def test_lab_colours_are_seen() -> None:
    grey = Image.merge("LAB", [Image.new("L", (6, 5), 128), *[Image.new("L", (6, 5), 128)] * 2])
    cell = file_of(grey, "TIFF")
    assert Picture().fault(cell) is None
    assert np.ptp(Picture().pixels(cell, (5, 6), 3)) <= 1
    assert Picture().pixels(cell, (5, 6), 1).mean() == pytest.approx(119, abs=2)  # L* of 50


def test_a_bomb_is_never_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """49 kB that would be 400 million pixels, and one just past the limit."""
    bomb, little = file_of(Image.new("1", (20_000, 20_000))), file_of(pixels_of(11, 10))
    monkeypatch.setattr(Image.Image, "load", lambda _: pytest.fail("decoded"))
    fault = Picture().fault(bomb)
    assert fault is not None
    assert fault[0] == "expected at most 50,000,000 pixels"
    assert Picture(max_pixels=109).fault(little) == ("expected at most 109 pixels", "10 × 11")


def test_raw_pixels_are_as_many_as_their_shape_says() -> None:
    raw = pixels_of(4, 5, 3)
    picture = Picture((4, 5, 3))
    assert picture.fault(raw.tobytes()) is None
    assert picture.fault(raw.tobytes()[:-1]) == ("expected 60 bytes (4 × 5 × 3 pixels)", "59 bytes")
    np.testing.assert_array_equal(picture.pixels(raw.tobytes(), (4, 5), 3), raw)
    grey = pixels_of(4, 5)
    for shape in ((4, 5), (4, 5, 1)):
        np.testing.assert_array_equal(Picture(shape).pixels(grey.tobytes(), (4, 5), 1)[..., 0], grey)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("asked", [1, 3])
def test_raw_or_in_a_file_it_is_the_same_picture(channels: int, asked: int) -> None:
    """Whatever size and colours are asked for."""
    raw = pixels_of(9, 7, channels)
    cell = file_of(raw.squeeze(2) if channels == 1 else raw)
    found = Picture(raw.shape).pixels(raw.tobytes(), (6, 8), asked)
    assert found.shape == (6, 8, asked)
    np.testing.assert_array_equal(found, Picture().pixels(cell, (6, 8), asked))


def test_smaller_is_the_mean_and_not_one_of_many_pixels() -> None:
    board = np.indices((64, 64)).sum(0) % 2 * 255
    found = Picture().pixels(file_of(board.astype(np.uint8)), (8, 8), 1)
    assert np.abs(found.astype(int) - 127).max() <= 2


def test_a_large_photograph_is_the_same_at_a_fraction_of_its_size() -> None:
    """A JPEG is decoded at an eighth; that is nearly what a whole one becomes."""
    photo = Image.fromarray(pixels_of(8, 8, 3)).resize((1600, 1200), Image.Resampling.BICUBIC)
    found = Picture().pixels(file_of(photo, "JPEG", quality=95), (48, 64), 3)
    wanted = np.asarray(photo.resize((64, 48), Image.Resampling.BILINEAR)).astype(int)
    assert np.abs(found - wanted).mean() < 1.5


def test_what_is_transparent_is_white() -> None:
    clear = np.dstack([pixels_of(6, 6, 3), np.zeros((6, 6), np.uint8)])
    assert Picture().pixels(file_of(clear), (6, 6), 3).min() == 255
    palette = Image.fromarray(pixels_of(6, 6)).convert("P")
    palette.info["transparency"] = 0
    assert Picture().pixels(file_of(palette, transparency=0), (6, 6), 1).shape == (6, 6, 1)


def test_a_photograph_stands_upright() -> None:
    exif = Image.Exif()
    exif[274] = 6  # to be turned by a quarter
    lying = np.zeros((30, 40), np.uint8)
    lying[:, :20] = 255
    found = Picture().pixels(file_of(lying, "JPEG", exif=exif), (40, 30), 1)[..., 0]
    assert found[:18].min() > 200
    assert found[22:].max() < 50


def test_16_bits_become_8_and_32_are_nobodys() -> None:
    grey = pixels_of(5, 6)
    deep = Image.fromarray(grey.astype(np.uint16) * 256 + 77)
    np.testing.assert_array_equal(Picture().pixels(file_of(deep), (5, 6), 1)[..., 0], grey)
    assert Picture().fault(file_of(grey.astype(np.int32) * 1000, "TIFF")) == (pictures.DEEP, "the mode I")
    assert Picture().fault(file_of(grey.astype(np.float32), "TIFF")) == (pictures.DEEP, "the mode F")
