"""Recordings have nothing to fit: each is brought to the same level by itself. Train must only have one."""

from __future__ import annotations

import polars as pl

from mtl.data.fitting.names import column_names
from mtl.data.inputs.audio import AudioEncoding
from mtl.errors import UnfitError
from mtl.spec import AudioInput, Spec
from mtl.spec.options import SOUND_OPTIONS, options_of


def plain_audio(spec: Spec, name: str, one: AudioInput) -> AudioEncoding:
    """The encoding of input `name`."""
    return AudioEncoding(
        name, spec.input_sources(name), one.column, column_names(spec)[name, one.column], one.format, one.rate, one.seconds,
        one.max_seconds, one.mels, one.window_ms, one.hop_ms, one.network, one.pooling,
        options_of(one.network, one.options, SOUND_OPTIONS), one.augment.model_dump(),
    )  # fmt: skip


def fit_audio(spec: Spec, name: str, one: AudioInput, train: pl.DataFrame) -> AudioEncoding:
    """The encoding of input `name`. Raises UnfitError where train has no recording."""
    plain = plain_audio(spec, name, one)
    if not train[plain.column_name].count():
        raise UnfitError(
            f"inputs.{name}, column {one.column!r}: recordings cannot be learned from", expected="train rows with one",
            found="none", do="mend the table or the split, or remove the input",
        )  # fmt: skip
    return plain
