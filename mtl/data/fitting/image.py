"""Pictures: the mean and spread of their channels."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import polars as pl

from mtl.data.embedded import MODEL
from mtl.data.fitting.names import column_names
from mtl.data.inputs.image import PIXELS, ImageEncoding
from mtl.data.inputs.timm import TimmEncoding
from mtl.errors import UnfitError
from mtl.files import read_json
from mtl.layout import EMBEDDED, EMBEDDED_FACTS
from mtl.spec import ImageInput, Spec
from mtl.spec.options import IMAGE_OPTIONS, options_of

TOGETHER = 4096
"""Pictures whose pixels are summed together."""


def plain_image(spec: Spec, name: str, one: ImageInput) -> ImageEncoding:
    """The encoding of input `name` before anything is fitted."""
    raw, scale = column_names(spec)[name, one.column], (one.colours,)
    return ImageEncoding(
        name, spec.input_sources(name), one.column, raw, one.shape, one.max_pixels, one.pixels, (0.0,) * scale[0],
        (1.0,) * scale[0], one.network, options_of(one.network, one.options, IMAGE_OPTIONS),
        {way: float(value) for way, value in one.augment.model_dump().items()},
    )  # fmt: skip


def fit_image(spec: Spec, name: str, one: ImageInput, train: pl.DataFrame, embedded: Path = EMBEDDED) -> ImageEncoding:
    """The encoding of input `name` from its train rows, as `small` makes them; `embedded`: what the stage `embed` made.

    Raises UnfitError where there is no picture.
    """
    plain = plain_image(spec, name, one)
    count, total, square = 0, np.zeros(plain.channels, np.int64), np.zeros(plain.channels, np.int64)
    for start in range(0, train.height, TOGETHER):
        arrays = plain.decoded.apply(train.slice(start, TOGETHER))
        pixels = arrays[PIXELS][arrays["present"]].reshape(-1, plain.channels).astype(np.int64)
        count, total, square = count + len(pixels), total + pixels.sum(0), square + (pixels**2).sum(0)
    if not count:
        raise UnfitError(
            f"inputs.{name}, column {one.column!r}: pictures cannot be learned from", expected="train rows with one", found="none",
            do="mend the table or the split, or remove the input",
        )  # fmt: skip
    mean = total / count
    std = np.sqrt(np.maximum(square / count - mean**2, 0.0))
    fitted = replace(plain, mean=tuple(mean.tolist()), std=tuple(np.where(std > 0, std, 1.0).tolist()))
    return fitted if one.model is None else _of_timm(fitted, one.model, one.weights is not None, embedded)


def _of_timm(fitted: ImageEncoding, model: str, trained: bool, embedded: Path) -> TimmEncoding:
    content = read_json(embedded / EMBEDDED_FACTS)[fitted.name]["content"] if trained else ""
    said = {key.name: getattr(fitted, key.name) for key in fields(fitted)}
    return TimmEncoding(**said, model=model, content=content, folder=(embedded / fitted.name / MODEL).as_posix())
