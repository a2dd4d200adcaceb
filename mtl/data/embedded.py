"""What the stage `embed` leaves: of each input that is read by an encoder from outside its model and, where that is frozen, its
vectors.

`inputs.json` says of each input the content of its model and how many numbers a token (or a picture) has; `INPUT/model/` is the
encoder (`mtl.data.pretrained`), of pictures its weights if it came trained; `INPUT/vectors.parquet` has entity, key and vector
(a list of Float32, null without a text).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from mtl.data.inputs.pretrained import vector_name
from mtl.spec import ImageInput, Input, PretrainedTextInput, Spec

MODEL, TABLE = "model", "vectors.parquet"
VECTOR = "vector"


def has_model(one: Input) -> bool:
    """`embed` leaves a model for this input."""
    return isinstance(one, PretrainedTextInput) or (isinstance(one, ImageInput) and one.weights is not None)


def with_embedded(spec: Spec, name: str, frame: pl.DataFrame, columns: Mapping[str, str], embedded: Path) -> pl.DataFrame:
    """`frame` (entity, key, …) of an input with the vectors of its texts, if a frozen encoder made any; as it is for others.

    `columns`: the source's column -> its name in `frame`.
    """
    one = spec.inputs[name]
    if not isinstance(one, PretrainedTextInput) or one.mode != "frozen":
        return frame
    vectors = pl.scan_parquet(embedded / name / TABLE).rename({VECTOR: vector_name(columns[one.column])})
    return frame.lazy().join(vectors, on=["entity", "key"], how="left", maintain_order="left").collect()
