"""Fitting an input that a pretrained encoder reads: vectors are scaled; of tokens nothing is fitted."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from mtl.data.embedded import MODEL
from mtl.data.fitting.names import column_names
from mtl.data.fitting.vectors import scaled
from mtl.data.inputs import PretrainedTokensEncoding, PretrainedVectorEncoding
from mtl.data.pretrained import PretrainedModel
from mtl.files import read_json
from mtl.layout import EMBEDDED_FACTS
from mtl.spec import PretrainedTextInput, Spec
from mtl.spec.options import PRETRAINED_OPTIONS, options_of


def fit_pretrained(
    spec: Spec, name: str, one: PretrainedTextInput, train: pl.DataFrame, embedded: Path
) -> PretrainedVectorEncoding | PretrainedTokensEncoding:
    """From `train` with vectors, where they are frozen. Raises UnfitError where no train row has a text."""
    raw, sources = column_names(spec)[name, one.column], spec.input_sources(name)
    facts = read_json(embedded / EMBEDDED_FACTS)[name]
    folder = (embedded / name / MODEL).as_posix()
    model = PretrainedModel(facts["content"], one.pooling, one.max_tokens, one.precision, folder)
    if one.mode != "frozen":
        options = options_of(one.mode, one.options, PRETRAINED_OPTIONS)
        return PretrainedTokensEncoding(name, sources, model, one.column, raw, one.mode, options)
    zeros, ones = (0.0,) * facts["size"], (1.0,) * facts["size"]
    return scaled(PretrainedVectorEncoding(name, sources, one.column, raw, zeros, ones, model), train)
