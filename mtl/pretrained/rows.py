"""Raw rows on their way into a model: the vectors of their texts, where a frozen encoder of it reads them."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from mtl.data.encodings import Encodings
from mtl.data.inputs import PretrainedVectorEncoding


def with_vectors(encodings: Encodings, frame: pl.DataFrame, kept: Path | None = None) -> pl.DataFrame:
    """`frame` with the vectors that `encodings` read of its texts, and that it does not bring: those that the stage `embed` left
    in `kept` are looked up, others computed. Raises MtlError if that needs `transformers` and it is not installed."""
    for one in encodings.inputs.values():
        if isinstance(one, PretrainedVectorEncoding) and one.column_name in frame.columns and one.cells not in frame.columns:
            from mtl.pretrained.kept import known_vectors

            vectors = known_vectors(one.model, frame[one.column_name], kept / one.name if kept else None)
            frame = frame.with_columns(vectors.alias(one.cells))
    return frame
