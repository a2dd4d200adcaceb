"""Pictures and recordings, decoded part by part, so that the files themselves never lie in memory together."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from mtl.data.fitting.audio import plain_audio
from mtl.data.fitting.image import plain_image
from mtl.data.inputs import AudioEncoding, ImageEncoding
from mtl.spec import AudioInput, ImageInput, Spec

Media = ImageEncoding | AudioEncoding


def plain_media(spec: Spec, name: str) -> Media | None:
    """The encoding of input `name` before anything is fitted; None if it reads neither pictures nor recordings."""
    one = spec.inputs[name]
    if isinstance(one, ImageInput):
        return plain_image(spec, name, one)
    return plain_audio(spec, name, one) if isinstance(one, AudioInput) else None


def decoded(one: Media, parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Raw rows, a part in memory at a time, with pixels or samples in the place of files: what `one.decoded` reads."""
    return pl.concat([part.with_columns(one.small(part).alias(one.column_name)) for part in parts])
