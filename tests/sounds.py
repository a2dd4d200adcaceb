"""Recordings, made by hand: tones as samples, and as the bytes of files."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import soundfile

RATE = 8000


def tone(hertz: float, seconds: float, rate: int = RATE, loud: float = 0.3) -> np.ndarray[Any, np.dtype[np.int16]]:
    """int16 [samples]"""
    return np.round(32767 * loud * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.int16)


def file_of(waves: np.ndarray[Any, Any], rate: int = RATE, kind: str = "WAV", subtype: str | None = None) -> bytes:
    """[samples] or [samples, channels] as a file's bytes."""
    held = io.BytesIO()
    soundfile.write(held, waves, rate, format=kind, subtype=subtype)
    return held.getvalue()
