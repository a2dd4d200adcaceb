"""Fitting an input on its train rows, whatever its kind."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from mtl.data.fitting.audio import fit_audio
from mtl.data.fitting.columns import fit_table
from mtl.data.fitting.image import fit_image
from mtl.data.fitting.names import column_names
from mtl.data.fitting.pretrained import fit_pretrained
from mtl.data.fitting.vectors import scaled
from mtl.data.inputs import BitsEncoding, InputEncoding, TextEncoding, TokensEncoding, VectorEncoding
from mtl.data.tokenizer import fit_tokenizer
from mtl.data.words import fit_words
from mtl.errors import UnfitError
from mtl.layout import EMBEDDED
from mtl.spec import AudioInput, ImageInput, PretrainedTextInput, Spec, TabularInput, TextInput, TokensInput, VectorInput
from mtl.spec.options import SEQUENCE_OPTIONS, options_of


def fit_input(spec: Spec, name: str, train: pl.DataFrame, embedded: Path = EMBEDDED) -> InputEncoding:
    """The encoding of input `name` from its raw train rows (columns by their names in raw frames).

    `embedded`: what the stage `embed` made. Raises UnfitError where train has nothing to learn it from.
    """
    one = spec.inputs[name]
    if isinstance(one, PretrainedTextInput):
        return fit_pretrained(spec, name, one, train, embedded)
    if isinstance(one, ImageInput):
        return fit_image(spec, name, one, train, embedded)
    if isinstance(one, AudioInput):
        return fit_audio(spec, name, one, train)
    if isinstance(one, TokensInput):
        return _fit_tokens(spec, name, one, train)
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
    return TextEncoding(
        name, spec.input_sources(name), one.column, raw, tokenizer, one.max_tokens, one.network, one.pooling, options
    )  # fmt: skip


def _fit_tokens(spec: Spec, name: str, one: TokensInput, train: pl.DataFrame) -> TokensEncoding:
    raw = column_names(spec)[name, one.column]
    known = fit_words(train[raw], most=one.vocabulary, least=one.least, lowercase=one.lowercase)
    if not known:
        raise UnfitError(
            f"inputs.{name}, column {one.column!r}: no word is known", expected=f"words that train has {one.least} times or more",
            found=f"none in {train[raw].count()} lists of tokens", do="write a smaller `least`, or remove the input",
        )  # fmt: skip
    options = options_of(one.network, one.options, SEQUENCE_OPTIONS)
    return TokensEncoding(
        name, spec.input_sources(name), one.column, raw, known, one.lowercase, one.affixes, one.max_tokens, one.network,
        one.pooling, options,
    )  # fmt: skip


def _fit_vector(spec: Spec, name: str, one: VectorInput, train: pl.DataFrame) -> VectorEncoding | BitsEncoding:
    raw = column_names(spec)[name, one.column]
    if one.format == "bits":
        return BitsEncoding(name, spec.input_sources(name), one.column, raw, one.size)
    zeros, ones = (0.0,) * one.size, (1.0,) * one.size
    plain = VectorEncoding(name, spec.input_sources(name), one.column, raw, zeros, ones)
    return scaled(plain, train)
