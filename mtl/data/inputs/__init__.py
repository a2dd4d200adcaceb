"""Encodings of inputs: raw cells → numbers. One kind of input a file."""

from __future__ import annotations

from mtl.data.inputs.base import InputEncoding
from mtl.data.inputs.tabular import TabularEncoding
from mtl.data.inputs.text import TextEncoding
from mtl.data.inputs.vector import VectorEncoding

INPUTS: dict[str, type[InputEncoding]] = {"tabular": TabularEncoding, "vector": VectorEncoding, "text": TextEncoding}
"""Kind -> its class."""

__all__ = ["INPUTS", "InputEncoding", "TabularEncoding", "TextEncoding", "VectorEncoding"]
