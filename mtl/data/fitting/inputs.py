"""Fitting an input on its train rows, whatever its kind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from mtl.data.fitting.columns import fit_table
from mtl.data.fitting.names import column_names
from mtl.data.inputs import InputEncoding, TextEncoding, VectorEncoding
from mtl.data.tokenizer import fit_tokenizer
from mtl.errors import UnfitError
from mtl.spec import Spec, TabularInput, TextInput, VectorInput
from mtl.spec.options import SEQUENCE_OPTIONS, options_of


def fit_input(spec: Spec, name: str, train: pl.DataFrame) -> InputEncoding:
    """The encoding of input `name` from its raw train rows (columns by their names in raw frames).

    Raises UnfitError where train has nothing to learn it from.
    """
    one = spec.inputs[name]
    if isinstance(one, TextInput):
        return _fit_text(spec, name, one, train)
    if isinstance(one, VectorInput):
        return _fit_vector(spec, name, one, train)
    assert isinstance(one, TabularInput)
    return fit_table(spec, name, one, train)


def _fit_text(spec: Spec, name: str, one: TextInput, train: pl.DataFrame) -> TextEncoding:
    raw = column_names(spec)[name, one.column]
    try:
        tokenizer = fit_tokenizer(train[raw], kind=one.tokenizer, vocabulary=one.vocabulary, lowercase=one.lowercase)
    except UnfitError as error:
        raise UnfitError(
            f"inputs.{name}, column {one.column!r}: {error.what}", expected=error.expected, found=error.found, do=error.do
        ) from error
    options = options_of(one.network, one.options, SEQUENCE_OPTIONS)
    entity = spec.entity_of(one.source)
    return TextEncoding(
        name, entity, one.source, one.column, raw, tokenizer, one.max_tokens, one.network, one.pooling, options
    )  # fmt: skip


def _fit_vector(spec: Spec, name: str, one: VectorInput, train: pl.DataFrame) -> VectorEncoding:
    raw = column_names(spec)[name, one.column]
    zeros, ones = (0.0,) * one.size, (1.0,) * one.size
    plain = VectorEncoding(name, spec.entity_of(one.source), one.source, one.column, raw, zeros, ones)
    arrays = plain.apply(train)
    values = arrays["numeric"][arrays["present"]].astype(np.float64)
    if not len(values):
        raise UnfitError(
            f"inputs.{name}, column {one.column!r}: a vector cannot be scaled", expected=f"train rows with {one.size} numbers",
            found="none", do="mend the table or the split, or remove the input",
        )  # fmt: skip
    std = values.std(axis=0)
    return replace(plain, mean=tuple(values.mean(axis=0).tolist()), std=tuple(np.where(std > 0, std, 1.0).tolist()))
