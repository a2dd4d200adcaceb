"""Recordings as bytes: what a cell of them may hold, and its samples. Files are read by libsndfile (package `soundfile`)."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

Samples = np.ndarray[Any, np.dtype[np.int16]]
Waves = np.ndarray[Any, np.dtype[np.float32]]
"""[samples, channels], from −1 to 1."""

FULL = 32768
"""One above the largest 16-bit sample: what is 1.0 in a file of floats."""
CUT = 0.95
"""A file that gives less than this share of what it promises was cut short; what an MP3 promises may be a guess."""
BEGINNINGS = (
    b"RIFF",
    b"RF64",
    b"fLaC",
    b"OggS",
    b"ID3",
    b"\xff\xfb",
    b"\xff\xfa",
    b"\xff\xf3",
    b"\xff\xf2",
    b"\xff\xe3",
    b"\xff\xe2",
)
"""First bytes of WAV, FLAC, OGG and MP3; libsndfile's many other readers see no byte."""
UNKNOWN = 0x7FFFF000
"""A WAV says so many bytes or more, or none, if it was written without knowing its length."""
ENDLESS = 2**63 - 1
"""Samples of a file whose header does not say how many (a FLAC that was written as a stream), as libsndfile counts them."""


class SoundError(Exception):
    """A recording that cannot be heard: why, and what was found instead, in words without its bytes."""

    def __init__(self, reason: str, found: str) -> None:
        super().__init__(reason)
        self.reason, self.found = reason, found


@dataclass(frozen=True)
class Sound:
    """How the cells of a column hold recordings: `format` is `file` or `pcm16`."""

    format: str
    rate: int
    most: float
    """Seconds of the longest that is let in."""

    def fault(self, cell: bytes) -> tuple[str, str] | None:
        """Why this cell is no such recording, and what it is; None if it is one."""
        try:
            self.samples(cell)
        except SoundError as error:
            return error.reason, error.found
        return None

    def samples(self, cell: bytes, seconds: float | None = None) -> Samples:
        """int16 [samples], one channel (the mean of several), the first `seconds` of it. Raises SoundError."""
        if not cell:
            raise SoundError("an empty recording", "0 bytes")
        found = _of_pcm(cell) if self.format == "pcm16" else _of_file(cell, self)
        self.check_length(len(found))
        return found if seconds is None else found[: max(1, round(seconds * self.rate))]

    def check_length(self, samples: int) -> None:
        """Raise SoundError for a recording of so many samples if it is empty or too long."""
        if not samples:
            raise SoundError("an empty recording", "no sample")
        if samples > self.most * self.rate:
            raise SoundError(f"expected at most {self.most:g} s", f"{samples / self.rate:.1f} s")


def _of_pcm(cell: bytes) -> Samples:
    if len(cell) % 2:
        raise SoundError("expected samples of 2 bytes each", f"{len(cell):,} bytes")
    return np.frombuffer(cell, "<i2").astype(np.int16, copy=False)


def _of_file(cell: bytes, sound: Sound) -> Samples:
    import soundfile

    if not cell.startswith(BEGINNINGS):
        raise SoundError("not a WAV, FLAC, OGG or MP3 file", f"{len(cell):,} bytes of something else")
    _whole(cell)
    try:
        with soundfile.SoundFile(io.BytesIO(cell)) as file:
            if file.samplerate != sound.rate:
                raise SoundError(f"expected {sound.rate:,} samples a second", f"{file.samplerate:,}")
            waves = _of_stream(file, sound) if file.frames == ENDLESS else _of_known(file, sound)
            promised = len(waves) if file.frames == ENDLESS else file.frames
    except soundfile.LibsndfileError as error:  # its text has an address in memory, its reason has not
        raise SoundError("cannot be decoded", error.error_string.strip().rstrip(".")) from None
    if len(waves) < CUT * promised:
        raise SoundError("cut short", f"{len(waves) / sound.rate:.1f} of {promised / sound.rate:.1f} s")
    if not np.isfinite(waves).all():
        raise SoundError("a sample that is not finite", f"{int((~np.isfinite(waves)).sum()):,} of {waves.size:,}")
    found: Samples = np.clip(np.rint(waves.mean(axis=1) * FULL), -FULL, FULL - 1).astype(np.int16)
    return found


def _of_known(file: Any, sound: Sound) -> Waves:
    sound.check_length(file.frames)  # before any sample takes memory
    waves: Waves = file.read(dtype="float32", always_2d=True)
    return waves


def _of_stream(file: Any, sound: Sound) -> Waves:
    """All of an open file that does not say how long it is, a second at a time until it ends or is too long."""
    file.seekable = lambda: False  # soundfile would look for the place behind each block, and finds none at an end it does not know
    blocks: list[Waves] = []
    while not blocks or len(blocks[-1]) == sound.rate:
        blocks.append(file.read(sound.rate, dtype="float32", always_2d=True))
        if sum(map(len, blocks)) > sound.most * sound.rate:
            raise SoundError(f"expected at most {sound.most:g} s", "more, of which the file does not say how much")
    return np.concatenate(blocks)


def _whole(cell: bytes) -> None:
    """Raise SoundError for a WAV that ends before it says: libsndfile would take what is there for the whole."""
    if not cell.startswith(b"RIFF") or len(cell) < 8:
        return
    (size,) = struct.unpack_from("<I", cell, 4)
    if 0 < size < UNKNOWN and size + 8 > len(cell) + 1:  # the last byte may be padding that was left out
        raise SoundError("cut short", f"{len(cell):,} of {size + 8:,} bytes")
