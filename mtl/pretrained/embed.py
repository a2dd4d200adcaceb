"""One input of the stage `embed`: its encoder in the project's own form and, where that is frozen, the vectors of its texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from mtl.data.embedded import MODEL, TABLE, VECTOR
from mtl.data.pretrained import PretrainedModel, content_of
from mtl.data.tables import scan_sources
from mtl.network.pretrained import hidden_size
from mtl.pretrained.convert import convert
from mtl.pretrained.kept import Progress, kept_vectors
from mtl.pretrained.source import find_model
from mtl.spec import PretrainedTextInput, Spec


def embed_input(
    spec: Spec, name: str, one: PretrainedTextInput, validated: Path, target: Path, kept: Path, tell: Progress
) -> dict[str, Any]:
    """Write into the new folder `target`; `kept` is where vectors of earlier runs lie. What encode must know of it.

    Raises what `find_model` and `convert` raise.
    """
    where = f"inputs.{name}"
    convert(find_model(one.model, f"{where}.model"), one, where, target / MODEL)
    folder = (target / MODEL).as_posix()
    model = PretrainedModel(content_of(target / MODEL), one.pooling, one.max_tokens, one.precision, folder)
    if one.mode == "frozen":
        texts = _texts(spec, name, one, validated)
        vectors = kept_vectors(model, texts["text"], kept / name, lambda done: tell(f"{name}: {done}")).alias(VECTOR)
        texts.select("entity", "key", vectors).write_parquet(target / TABLE, compression_level=1)
    return {"content": model.content, "size": hidden_size(model.config)}


def _texts(spec: Spec, name: str, one: PretrainedTextInput, validated: Path) -> pl.DataFrame:
    """entity, key, text of all rows, in the order of the keys."""
    return scan_sources(spec, spec.input_sources(name), validated, {one.column: "text"}).sort("entity", "key").collect()
